-- Flags and removals of entries.

-- The entry with this UID and its state, if it is there.
local function find_entry(desk, mailbox, uid)
  local state = state_of(desk, mailbox, uid)
  local row = state and entry_row(desk.base, mailbox, uid)
  if not row then
    return nil
  end
  local entry = unpack_entry(row)
  entry.bits, entry.keywords = state.bits, state.keywords
  return entry, state
end

-- Changes one entry's flags: 'gone', 'modified', 'too many' or 'stored'.
local function mark_entry(desk, mailbox, uid, change)
  local state = state_of(desk, mailbox, uid)
  if not state then
    return 'gone'
  end
  if change.since and state.modseq > change.since then
    return 'modified'
  end
  local before = { bits = state.bits, keywords = keywords_of(desk.base, state.keywords) }
  local bits, keywords = change.apply(before, change.bits, change.keywords)
  if keywords and bits == before.bits and string.lower(keywords) == string.lower(before.keywords) then
    return 'stored'
  end
  local number = keywords and number_of(desk.base, keywords)
  if not number then
    return 'too many'
  end
  count_flags(mailbox, state.bits, -1)
  count_flags(mailbox, bits, 1)
  write_state(desk, mailbox, uid, bits, number)
  change.applied = true
  return 'stored'
end

-- Answers UIDs, those refused, and the states of all that were stored.
local function store_flags(base, args)
  local reply = { modified = {}, ['too many'] = {}, stored = {}, gone = {} }
  local desk = open_desk(base)
  local mailbox = desk and mailbox_of(desk, args[1])
  if mailbox then
    local change = {
      since = tonumber(args[2]), apply = FLAG_CHANGES[args[3]],
      bits = tonumber(args[4]), keywords = args[5],
    }
    for at = 6, #args do
      local uid = tonumber(args[at])
      local list = reply[mark_entry(desk, mailbox, uid, change)]
      list[#list + 1] = uid
    end
    if change.applied then
      note_change(desk, mailbox.id)
      close_desk(desk)
    end
  end
  local states = {}
  for index, uid in ipairs(reply.stored) do
    local state = state_of(desk, mailbox, uid)
    states[index] = { uid, integer(state.modseq), state.bits, state.keywords }
  end
  return { states, reply.modified, reply['too many'] }
end

-- The entries of those UIDs that are there.
local function find_entries(desk, id, args, first)
  local found, octets = {}, 0
  local mailbox = mailbox_of(desk, id)
  for at = first, mailbox and #args or 0 do
    local entry, state = find_entry(desk, mailbox, tonumber(args[at]))
    if entry then
      found[#found + 1] = { entry = entry, state = state }
      octets = octets + entry.size
    end
  end
  return found, octets, mailbox
end

-- Takes entries out of a mailbox; their contents stay counted.
local function displace_all(desk, mailbox, found)
  local gone = {}
  for index, each in ipairs(found) do
    displace_entry(desk, mailbox, each.entry, each.state)
    gone[index] = each.state.uid
  end
  log_vanished(desk, mailbox, gone)
  note_change(desk, mailbox.id)
  return gone
end

-- Removes entries: all that are named, or those of them that are \Deleted.
local function expunge(base, args)
  local desk = open_desk(base)
  if not desk then
    return {}
  end
  local found, _, mailbox = find_entries(desk, args[1], args, 3)
  local chosen = {}
  for _, each in ipairs(found) do
    if args[2] == 'all' or bit.band(each.state.bits, DELETED) ~= 0 then
      chosen[#chosen + 1] = each
    end
  end
  if #chosen == 0 then
    return {}
  end
  local gone = displace_all(desk, mailbox, chosen)
  for _, each in ipairs(chosen) do
    lose_content(base, each.entry.content)
  end
  close_desk(desk)
  return gone
end

removes('mailbox_store_flags', in_account(store_flags))
removes('mailbox_expunge', in_busy_account(expunge))
