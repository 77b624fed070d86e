-- Reading entries, and what became of them.

local BLOCKS_AT_ONCE = 128

local function readable_mailbox(base, id)
  if load_account(base).removed == 1 then
    return nil
  end
  return load_mailbox(base, id)
end

-- Adds those of the blocks from `first` to `last` that are there, each behind
-- its number.
local function add_blocks(base, shelf, first, last, reply)
  local numbers = {}
  for number = first, last do
    numbers[#numbers + 1] = number
  end
  local found = redis.call('HMGET', base .. ':states:' .. shelf, unpack(numbers))
  for index, octets in ipairs(found) do
    if octets then
      reply[#reply + 1] = numbers[index]
      reply[#reply + 1] = octets
    end
  end
end

-- Blocks from one on, at least so many unless there are fewer; and where to go
-- on, or -1 at the end.
local function states(base, args)
  local mailbox = readable_mailbox(base, args[1])
  local blocks = {}
  if not mailbox then
    return { -1, blocks }
  end
  local number, enough = tonumber(args[2]), tonumber(args[3]) * 2
  local last = place_of(mailbox.next - 1)
  while number <= last and #blocks < enough do
    local to = math.min(number + BLOCKS_AT_ONCE - 1, last)
    add_blocks(base, mailbox.shelf, number, to, blocks)
    number = to + 1
  end
  return { number > last and -1 or number, blocks }
end

local function rows_after(base, mailbox, after, limit)
  local from = integer(tonumber(after) + 1) .. '-0'
  return redis.call('XRANGE', entries_key(base, mailbox.shelf), from, '+', 'COUNT', limit)
end

-- UIDs, each before what `view` makes of its entry.
local function rows_viewed(rows, view)
  local reply = {}
  for _, row in ipairs(rows) do
    reply[#reply + 1] = tonumber(string.match(row[1], '%d+'))
    reply[#reply + 1] = view(row[2][2])
  end
  return reply
end

local function whole(row)
  return row
end

local function measures(base, args)
  local mailbox = readable_mailbox(base, args[1])
  local rows = mailbox and rows_after(base, mailbox, args[2], args[3]) or {}
  return rows_viewed(rows, measure_of)
end

-- Entries and the blocks with their states.
local function with_states(base, mailbox, rows)
  local reply, blocks, seen = rows_viewed(rows, whole), {}, nil
  for index = 1, #reply, 2 do
    local number = place_of(reply[index])
    if number ~= seen then
      add_blocks(base, mailbox.shelf, number, number, blocks)
      seen = number
    end
  end
  return { reply, blocks }
end

local function entries(base, args)
  local mailbox = readable_mailbox(base, args[1])
  if not mailbox then
    return { {}, {} }
  end
  return with_states(base, mailbox, rows_after(base, mailbox, args[2], args[3]))
end

local function entries_at(base, args)
  local mailbox = readable_mailbox(base, args[1])
  local rows = {}
  for at = 2, mailbox and #args or 0 do
    local id = args[at] .. '-0'
    rows[#rows + 1] = redis.call('XRANGE', entries_key(base, mailbox.shelf), id, id)[1]
  end
  return with_states(base, mailbox, rows)
end

-- What vanished after a modification sequence; false if the log does not know.
local function vanished_after(base, mailbox, since)
  if since < mailbox.forgotten then
    return false
  end
  local gone = {}
  local key = base .. ':vanished:' .. mailbox.shelf
  for index, row in ipairs(redis.call('XRANGE', key, integer(since + 1) .. '-0', '+')) do
    gone[index] = row[2][2]
  end
  return gone
end

-- The mailbox, what vanished, and the blocks in which anything changed.
local function delta(base, args)
  local mailbox = readable_mailbox(base, args[1])
  if not mailbox then
    return false
  end
  local since = tonumber(args[2])
  local blocks = {}
  local changed = base .. ':changed:' .. mailbox.shelf
  for _, number in ipairs(redis.call('ZRANGEBYSCORE', changed, '(' .. integer(since), '+inf')) do
    add_blocks(base, mailbox.shelf, tonumber(number), tonumber(number), blocks)
  end
  return { mailbox_info(mailbox), vanished_after(base, mailbox, since), blocks }
end

reads('mailbox_states', on_account(states))
reads('mailbox_measures', on_account(measures))
reads('mailbox_entries', on_account(entries))
reads('mailbox_entries_at', on_account(entries_at))
reads('mailbox_delta', on_account(delta))
