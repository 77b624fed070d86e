-- Mailboxes.
--   :names         hash  name -> id, and behind a blank the role if it has one
--   :mailbox:<id>  hash  the record: counters and counts
-- Entries stand on a shelf, which a mailbox keeps when it is renamed:
--   :entries:<shelf>   what never changes of them
--   :states:<shelf>    what does
--   :changed:<shelf>   where those are that changed last
--   :vanished:<shelf>  which are gone

local TEXT_FIELDS = { 'name', 'role' }
local NUMBER_FIELDS = { 'shelf', 'validity', 'next', 'messages', 'unseen', 'deleted', 'octets',
  'modseq', 'vanished', 'forgotten' }
local FIRST_UID = 1
local LAST_UID = 4294967294

local function mailbox_key(base, id)
  return base .. ':mailbox:' .. id
end

local function load_mailbox(base, id)
  local key = mailbox_key(base, id)
  local texts = redis.call('HMGET', key, unpack(TEXT_FIELDS))
  if not texts[1] then
    return nil
  end
  local mailbox = { id = tonumber(id), name = texts[1], role = texts[2] }
  local numbers = redis.call('HMGET', key, unpack(NUMBER_FIELDS))
  for index, field in ipairs(NUMBER_FIELDS) do
    mailbox[field] = tonumber(numbers[index] or '0')
  end
  return mailbox
end

local function save_mailbox(base, mailbox)
  local fields = { 'name', mailbox.name, 'role', mailbox.role }
  for _, field in ipairs(NUMBER_FIELDS) do
    fields[#fields + 1] = field
    fields[#fields + 1] = integer(mailbox[field])
  end
  redis.call('HSET', mailbox_key(base, mailbox.id), unpack(fields))
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

local function put_mailbox(base, mailbox)
  redis.call('HSET', base .. ':names', mailbox.name, mailbox.id .. ' ' .. mailbox.role)
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
