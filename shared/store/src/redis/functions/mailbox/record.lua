-- Mailboxes.
--   :names         hash  name -> id, and behind a blank the role if it has one
--   :mailbox:<id>  hash  the record: counters and counts
-- Entries stand on a shelf, which a mailbox keeps when it is renamed:
--   :entries:<shelf>   what never changes of them
--   :states:<shelf>    what does
--   :changed:<shelf>   where those are that changed last
--   :vanished:<shelf>  which are gone

local NUMBER_FIELDS = { 'shelf', 'validity', 'next', 'messages', 'unseen', 'deleted', 'octets',
  'modseq', 'vanished', 'forgotten' }
local FIRST_UID = 1
local LAST_UID = 4294967294

local function mailbox_key(base, id)
  return base .. ':mailbox:' .. id
end

local function load_mailbox(base, id)
  local values = redis.call('HMGET', mailbox_key(base, id), 'name', 'role', unpack(NUMBER_FIELDS))
  if not values[1] then
    return nil
  end
  local mailbox = { id = tonumber(id), name = values[1], role = values[2] }
  read_numbers(mailbox, NUMBER_FIELDS, values, 2)
  return mailbox
end

local function save_mailbox(base, mailbox)
  write_numbers(mailbox_key(base, mailbox.id), mailbox, NUMBER_FIELDS)
end

local function id_of(base, name)
  local place = redis.call('HGET', base .. ':names', name)
  return place and string.match(place, '^%d+')
end

local function new_mailbox_id(account)
  account.mailbox = account.mailbox + 1
  return account.mailbox
end

-- An empty mailbox on a shelf of its own.
local function empty_mailbox(account, id, name, role, time)
  account.shelf = account.shelf + 1
  return {
    id = id, name = name, role = role, shelf = account.shelf,
    validity = next_validity(account, time), next = FIRST_UID,
    messages = 0, unseen = 0, deleted = 0, octets = 0,
    modseq = next_modseq(account), vanished = 0, forgotten = 0,
  }
end

-- Enters a mailbox that is new, or has another name or role.
local function put_mailbox(base, mailbox)
  redis.call('HSET', base .. ':names', mailbox.name, mailbox.id .. ' ' .. mailbox.role)
  redis.call('HSET', mailbox_key(base, mailbox.id), 'name', mailbox.name, 'role', mailbox.role)
  save_mailbox(base, mailbox)
end

-- What the adapter is told of a mailbox.
local function mailbox_info(mailbox)
  local numbers = { mailbox.id, mailbox.validity, mailbox.next, mailbox.messages,
    mailbox.unseen, mailbox.deleted, mailbox.octets, mailbox.modseq }
  for index, number in ipairs(numbers) do
    numbers[index] = integer(number)
  end
  return { mailbox.name, mailbox.role, numbers }
end

local function drop_shelf(base, shelf)
  redis.call('UNLINK', base .. ':entries:' .. shelf, base .. ':states:' .. shelf,
    base .. ':changed:' .. shelf, base .. ':vanished:' .. shelf)
end
