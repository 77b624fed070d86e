-- Putting messages into a mailbox.
--   :delivered  zset  message ids of deliveries, all with score 0 and therefore
--                     in order

local PARTS = 6

-- Entries as they come in arguments, from `first` on.
local function entries_from(base, args, first)
  local entries, octets = {}, 0
  for at = first, #args, PARTS do
    local entry = {
      content = args[at], size = tonumber(args[at + 1]), date = args[at + 2],
      rest = args[at + 3], bits = tonumber(args[at + 4]), words = args[at + 5],
    }
    octets = octets + entry.size
    entries[#entries + 1] = entry
  end
  return entries, octets
end

-- Nothing is written before it is certain that all of it can be.
local function file_all(base, place, args, first)
  local desk = open_desk(base)
  local id = desk and id_of(base, place.name)
  local mailbox = id and mailbox_of(desk, id)
  if not mailbox then
    return { 'no mailbox' }
  end
  local entries, octets = entries_from(base, args, first)
  if not fits(desk.account, octets, #entries, place.quota) then
    return { 'over quota' }
  end
  if octets > MAX_SIZE then
    return misused('an entry of ' .. integer(octets) .. ' octets')
  end
  if not has_room(mailbox, #entries) then
    return full('the mailbox has used up its UIDs')
  end
  local reply = { 'stored', mailbox.validity }
  for _, entry in ipairs(entries) do
    entry.keywords = number_of(base, entry.words) or 0
    reply[#reply + 1] = file_entry(desk, mailbox, entry, place.time)
  end
  if #entries > 0 then
    note_change(desk, mailbox.id)
    close_desk(desk)
  end
  return reply
end

local function place_from(args)
  return {
    time = now(args[1]), name = args[2],
    quota = { octets = args[3], messages = args[4] },
  }
end

local function append_all(base, args)
  return file_all(base, place_from(args), args, 5)
end

-- The delivery record is asked first: a repeated delivery is one, whatever became
-- of quota, mailbox or account since.
local function append(base, args)
  local message = args[5]
  if message ~= '' and redis.call('ZSCORE', base .. ':delivered', message) then
    return { 'delivered' }
  end
  local reply = file_all(base, place_from(args), args, 6)
  if message ~= '' and reply[1] == 'stored' then
    redis.call('ZADD', base .. ':delivered', 0, message)
  end
  return reply
end

local function deliveries(keys, args)
  local from = args[1] == '' and '-' or '(' .. args[1]
  return redis.call('ZRANGEBYLEX', keys[1] .. ':delivered', from, '+', 'LIMIT', 0, args[2])
end

local function forget_deliveries(keys, args)
  return redis.call('ZREM', keys[1] .. ':delivered', unpack(args))
end

edits('mailbox_append', in_account(append))
edits('mailbox_append_all', in_account(append_all))
reads('mailbox_deliveries', deliveries)
removes('mailbox_forget_deliveries', forget_deliveries)
