-- Copies and moves of entries. UIDs come in runs, the first and the last of each,
-- ascending; all that are there are copied in one step, or none.

-- Adds the entries of a run that are there, with their states.
local function add_run(desk, mailbox, first, last, found)
  local from, to = integer(first) .. '-0', integer(last) .. '-0'
  for _, row in ipairs(redis.call('XRANGE', entries_key(desk.base, mailbox.shelf), from, to)) do
    local state = state_of(desk, mailbox, tonumber(string.match(row[1], '%d+')))
    if state then
      local entry = unpack_entry(row[2][2])
      entry.bits, entry.keywords = state.bits, state.keywords
      found[#found + 1] = { entry = entry, state = state }
      found.octets = found.octets + entry.size
    end
  end
end

local function find_runs(desk, mailbox, args, first)
  local found = { octets = 0 }
  for at = first, mailbox and #args or 0, 2 do
    add_run(desk, mailbox, tonumber(args[at]), tonumber(args[at + 1]), found)
  end
  return found
end

local function count_copies(base, found)
  local counts = {}
  for _, each in ipairs(found) do
    local content = each.entry.content
    counts[content] = (counts[content] or 0) + 1
  end
  gain_copies(base, counts)
end

-- Copies entries, or moves them where `quota` is nil. Answers the UIDs that were
-- there, behind that of the first copy: those of the others follow it.
local function transfer(base, time, from, to, quota, args, first)
  local desk = open_desk(base)
  local target = desk and mailbox_of(desk, to)
  if not target then
    return { 'no mailbox' }
  end
  local source = mailbox_of(desk, from)
  local found = find_runs(desk, source, args, first)
  local reply = { 'copied', target.validity, integer(target.next) }
  if #found == 0 then
    return reply
  end
  if quota and not fits(desk.account, found.octets, #found, quota) then
    return { 'over quota' }
  end
  if not has_room(target, #found) then
    return full('the mailbox has used up its UIDs')
  end
  for index, each in ipairs(found) do
    place_entry(desk, target, each.entry, time)
    reply[index + 3] = each.state.uid
  end
  note_change(desk, target.id)
  if quota then
    count_copies(base, found)
  else
    displace_all(desk, source, found)
  end
  close_desk(desk)
  return reply
end

local function copy(base, args)
  local quota = { octets = args[4], messages = args[5] }
  return transfer(base, now(args[1]), args[2], args[3], quota, args, 6)
end

local function move(base, args)
  return transfer(base, now(args[1]), args[2], args[3], nil, args, 4)
end

edits('mailbox_copy', in_account(copy))
removes('mailbox_move', in_account(move))
