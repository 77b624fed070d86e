-- The mailboxes of an account and their names. What becomes of the tree the
-- adapter decides, for it knows the rules of names; here it is done, if the tree
-- is still the one that was decided on.
--   :subscriptions  zset  names, all with score 0 and therefore in order
--   :doomed         set   shelves of deleted mailboxes that are not empty yet

-- Restored or failed over to an older copy, the store may have given numbers that
-- it no longer knows of: beyond this many for each epoch it gives none twice.
local JUMP = 1000000

local function all_mailboxes(base)
  local mailboxes = {}
  for _, place in ipairs(redis.call('HVALS', base .. ':names')) do
    mailboxes[#mailboxes + 1] = load_mailbox(base, string.match(place, '^%d+'))
  end
  return mailboxes
end

local function make_mailbox(base, account, name, role, time)
  local mailbox = empty_mailbox(account, new_mailbox_id(account), name, role, time)
  put_mailbox(base, mailbox)
  return mailbox.id
end

-- Names and roles come in pairs.
local function make_standard(base, account, args, time)
  for at = 3, #args, 2 do
    make_mailbox(base, account, args[at], args[at + 1], time)
    redis.call('ZADD', base .. ':subscriptions', 0, args[at])
  end
end

local function jump(base, account, epochs)
  account.modseq = account.modseq + JUMP * epochs
  for _, mailbox in ipairs(all_mailboxes(base)) do
    mailbox.next = math.min(mailbox.next + JUMP * epochs, LAST_UID)
    mailbox.modseq = next_modseq(account)
    save_mailbox(base, mailbox)
  end
end

-- From now on the account has its mailboxes, and numbers of this epoch.
local function open_account(keys, args)
  local base, epoch, time = keys[1], args[1], now(args[2])
  if is_open(base, epoch) then
    return 'open'
  end
  local account = load_account(base)
  if account.mailbox == 0 and account.removed == 0 then
    make_standard(base, account, args, time)
  else
    jump(base, account, tonumber(epoch) - account.epoch)
  end
  account.epoch = tonumber(epoch)
  save_account(base, account)
  return 'opened'
end

-- In no order.
local function list_mailboxes(base)
  local mailboxes = all_mailboxes(base)
  for index, mailbox in ipairs(mailboxes) do
    mailboxes[index] = mailbox_info(mailbox)
  end
  return mailboxes
end

-- How often the tree changed, whether the account is removed, and all names, each
-- before its place.
local function tree(base)
  local account = load_account(base)
  return { integer(account.tree), account.removed, redis.call('HGETALL', base .. ':names') }
end

local function mailbox(base, args)
  local found = readable_mailbox(base, args[1])
  return found and mailbox_info(found)
end

local function find(base, args)
  local id = id_of(base, args[1])
  local found = id and readable_mailbox(base, id)
  return found and mailbox_info(found)
end

-- Names are given back before others are given, for they may swap.
local function rename_all(desk, renames)
  for _, rename in ipairs(renames) do
    redis.call('HDEL', desk.base .. ':names', mailbox_of(desk, rename.id).name)
  end
  if #renames > 0 then
    next_modseq(desk.account)
  end
  for _, rename in ipairs(renames) do
    local renamed = mailbox_of(desk, rename.id)
    renamed.name = rename.name
    put_mailbox(desk.base, renamed)
    note_change(desk, renamed.id)
  end
end

-- The shelf with the inbox's entries goes to a new mailbox; the inbox gets an
-- empty one.
local function rename_inbox(desk, name, time)
  local filled = mailbox_of(desk, 1)
  local inbox = empty_mailbox(desk.account, 1, filled.name, filled.role, time)
  filled.id, filled.name, filled.role = new_mailbox_id(desk.account), name, ''
  filled.was = nil
  for _, changed in ipairs({ inbox, filled }) do
    desk.mailboxes[changed.id] = changed
    put_mailbox(desk.base, changed)
    note_change(desk, changed.id)
  end
end

-- Makes and renames mailboxes: 'make' name role, 'rename' id name and 'rename
-- inbox' name, any number of them. Answers the ids that were made.
local function arrange(base, args)
  local time = now(args[1])
  local desk = open_desk(base)
  if not desk or desk.account.tree ~= tonumber(args[2]) then
    return false
  end
  desk.account.tree = desk.account.tree + 1
  local made, renames = {}, {}
  for at = 3, #args, 3 do
    local kind, first, second = args[at], args[at + 1], args[at + 2]
    if kind == 'make' then
      made[#made + 1] = make_mailbox(base, desk.account, first, second, time)
      note_change(desk, made[#made])
    elseif kind == 'rename' then
      renames[#renames + 1] = { id = first, name = second }
    else
      rename_inbox(desk, first, time)
    end
  end
  rename_all(desk, renames)
  close_desk(desk)
  return made
end

local function has_inferiors(base, name)
  local above = name .. '/'
  for _, other in ipairs(redis.call('HKEYS', base .. ':names')) do
    if string.sub(other, 1, #above) == above then
      return true
    end
  end
  return false
end

-- Hides a mailbox; its shelf is then to be emptied.
local function delete(base, args)
  local desk = open_desk(base)
  local mailbox = desk and load_mailbox(base, args[1])
  if not mailbox then
    return 'missing'
  end
  if has_inferiors(base, mailbox.name) then
    return 'has inferiors'
  end
  redis.call('HDEL', base .. ':names', mailbox.name)
  redis.call('DEL', mailbox_key(base, mailbox.id))
  redis.call('SADD', base .. ':doomed', mailbox.shelf)
  local account = desk.account
  account.usage.octets = math.max(account.usage.octets - mailbox.octets, 0)
  account.usage.messages = math.max(account.usage.messages - mailbox.messages, 0)
  account.tree = account.tree + 1
  next_modseq(account)
  note_change(desk, mailbox.id)
  close_desk(desk)
  return 'deleted'
end

-- Takes some entries from a shelf whose mailbox was deleted; 1 when none is left.
local function empty_shelf(base, args)
  local shelf = redis.call('SRANDMEMBER', base .. ':doomed')
  if not shelf then
    return 1
  end
  local key = entries_key(base, shelf)
  local rows = redis.call('XRANGE', key, '-', '+', 'COUNT', args[1])
  for _, row in ipairs(rows) do
    lose_content(base, unpack_entry(row[2][2]).content)
    redis.call('XDEL', key, row[1])
  end
  if #rows < tonumber(args[1]) then
    drop_shelf(base, shelf)
    redis.call('SREM', base .. ':doomed', shelf)
  end
  return 0
end

local function subscribe(base, args)
  local key, name, most = base .. ':subscriptions', args[1], tonumber(args[2])
  if load_account(base).removed == 1 then
    return 0
  end
  if not redis.call('ZSCORE', key, name) and redis.call('ZCARD', key) >= most then
    return 0
  end
  redis.call('ZADD', key, 0, name)
  return 1
end

local function unsubscribe(base, args)
  return redis.call('ZREM', base .. ':subscriptions', args[1])
end

local function subscriptions(base)
  return redis.call('ZRANGE', base .. ':subscriptions', 0, -1)
end

edits('mailbox_open', open_account)
reads('mailbox_list', in_account(list_mailboxes))
reads('mailbox_tree', in_account(tree))
reads('mailbox_mailbox', in_account(mailbox))
reads('mailbox_find', in_account(find))
edits('mailbox_arrange', in_account(arrange))
removes('mailbox_delete', in_busy_account(delete))
removes('mailbox_empty_shelf', in_busy_account(empty_shelf))
edits('mailbox_subscribe', in_account(subscribe))
removes('mailbox_unsubscribe', in_account(unsubscribe))
reads('mailbox_subscriptions', in_account(subscriptions))
