-- An account while a step works in its mailboxes: entries come and go together
-- with the counts, the index of changes and the log of what vanished. What a
-- step changed of account, mailboxes and states is written when it ends.
--   :entries:<shelf>   stream  UID -> what never changes of an entry
--   :vanished:<shelf>  stream  modification sequence -> UIDs, four octets each
-- A stream keeps some hundred entries in one piece of memory, in order. An entry:
--   length of the content id, the content id, size (6 octets), internal date
--   (8), time of saving (7), and the rest, which only the adapter reads.

local MAX_SIZE = 2 ^ 48 - 1
local VANISHED_KEPT = 10000

-- nil once the account is removed.
local function open_desk(base)
  local account = load_account(base)
  if account.removed == 1 then
    return nil
  end
  return { base = base, account = account, mailboxes = {}, blocks = {}, changed = {} }
end

local function mailbox_of(desk, id)
  local known = desk.mailboxes[tonumber(id)]
  if known then
    return known
  end
  local mailbox = load_mailbox(desk.base, id)
  if mailbox then
    desk.mailboxes[mailbox.id] = mailbox
  end
  return mailbox
end

local function note_change(desk, id)
  desk.changed[#desk.changed + 1] = id
end

local function publish_changes(desk)
  local account = string.sub(desk.base, 4, -2)
  for _, id in ipairs(desk.changed) do
    redis.call('PUBLISH', 'm:changed:' .. account, id .. ' ' .. integer(desk.account.modseq))
  end
end

local function close_desk(desk)
  for shelf, blocks in pairs(desk.blocks) do
    for number, block in pairs(blocks) do
      save_block(desk.base, shelf, number, block)
    end
  end
  for _, mailbox in pairs(desk.mailboxes) do
    save_mailbox(desk.base, mailbox)
  end
  save_account(desk.base, desk.account)
  publish_changes(desk)
end

local function entries_key(base, shelf)
  return base .. ':entries:' .. shelf
end

local function pack_entry(content, size, date, saved, rest)
  return string.char(#content) .. content .. struct.pack('>I6', size) .. date
    .. struct.pack('>I7', saved) .. rest
end

local function unpack_entry(row)
  local length = string.byte(row)
  return {
    content = string.sub(row, 2, length + 1),
    size = struct.unpack('>I6', row, length + 2),
    date = string.sub(row, length + 8, length + 15),
    rest = string.sub(row, length + 23),
  }
end

-- The part of an entry that searches go by: size and both dates.
local function measure_of(row)
  local length = string.byte(row)
  return string.sub(row, length + 2, length + 22)
end

local function entry_row(base, mailbox, uid)
  local id = integer(uid) .. '-0'
  local found = redis.call('XRANGE', entries_key(base, mailbox.shelf), id, id)[1]
  return found and found[2][2]
end

local function has_room(mailbox, count)
  return mailbox.next + count - 1 <= LAST_UID
end

-- Whether a quota ('' for none) allows more octets and messages.
local function fits(account, octets, messages, quota)
  local function within(held, more, most)
    return most == '' or held + more <= tonumber(most)
  end
  return within(account.usage.octets, octets, quota.octets)
    and within(account.usage.messages, messages, quota.messages)
end

-- Puts an entry into a mailbox whose content is counted already; its UID.
local function place_entry(desk, mailbox, entry, time)
  local uid = mailbox.next
  mailbox.next = uid + 1
  mailbox.messages = mailbox.messages + 1
  mailbox.octets = mailbox.octets + entry.size
  local usage = desk.account.usage
  usage.messages, usage.octets = usage.messages + 1, usage.octets + entry.size
  local row = pack_entry(entry.content, entry.size, entry.date, time, entry.rest)
  redis.call('XADD', entries_key(desk.base, mailbox.shelf), integer(uid) .. '-0', 'e', row)
  count_flags(mailbox, entry.bits, 1)
  write_state(desk, mailbox, uid, entry.bits, entry.keywords)
  return uid
end

-- Puts an entry into a mailbox; its UID.
local function file_entry(desk, mailbox, entry, time)
  gain_content(desk.base, entry.content)
  return place_entry(desk, mailbox, entry, time)
end

-- Takes an entry out of a mailbox whose content stays counted; what went is to be
-- logged.
local function displace_entry(desk, mailbox, entry, state)
  local usage = desk.account.usage
  mailbox.messages = math.max(mailbox.messages - 1, 0)
  mailbox.octets = math.max(mailbox.octets - entry.size, 0)
  usage.messages = math.max(usage.messages - 1, 0)
  usage.octets = math.max(usage.octets - entry.size, 0)
  count_flags(mailbox, state.bits, -1)
  redis.call('XDEL', entries_key(desk.base, mailbox.shelf), integer(state.uid) .. '-0')
  erase_state(desk, mailbox, state.uid)
end

-- Forgets those that went long ago, as long as enough are left.
local function trim_vanished(key, mailbox)
  while mailbox.vanished > VANISHED_KEPT do
    local oldest = redis.call('XRANGE', key, '-', '+', 'COUNT', 1)[1]
    local left = oldest and mailbox.vanished - #oldest[2][2] / 4
    if not oldest or left < VANISHED_KEPT then
      return
    end
    mailbox.vanished = left
    mailbox.forgotten = tonumber(string.match(oldest[1], '%d+'))
    redis.call('XDEL', key, oldest[1])
  end
end

-- Notes which entries went.
local function log_vanished(desk, mailbox, gone)
  local packed = {}
  for index, uid in ipairs(gone) do
    packed[index] = struct.pack('>I4', uid)
  end
  mailbox.modseq = next_modseq(desk.account)
  mailbox.vanished = mailbox.vanished + #gone
  local key = desk.base .. ':vanished:' .. mailbox.shelf
  redis.call('XADD', key, integer(mailbox.modseq) .. '-0', 'u', table.concat(packed))
  trim_vanished(key, mailbox)
end
