-- Removing all of an account's mailboxes. First the account is marked, which
-- hides them and refuses what still comes; the mark stays, so that no late
-- delivery brings it back. Entries go before what they showed, so that whatever
-- an entry refers to is still held.

local function drop_mailboxes(base, desk)
  for _, mailbox in ipairs(all_mailboxes(base)) do
    drop_shelf(base, mailbox.shelf)
    redis.call('DEL', mailbox_key(base, mailbox.id))
    note_change(desk, mailbox.id)
  end
  for _, shelf in ipairs(redis.call('SMEMBERS', base .. ':doomed')) do
    drop_shelf(base, shelf)
  end
  redis.call('UNLINK', base .. ':names', base .. ':doomed', base .. ':subscriptions',
    base .. ':copies', base .. ':keyword-sets', base .. ':keyword-numbers', base .. ':lock')
end

local function remove_account(base)
  local desk = open_desk(base)
  if not desk then
    return 0
  end
  desk.account.removed = 1
  desk.account.usage = { octets = 0, messages = 0 }
  next_modseq(desk.account)
  drop_mailboxes(base, desk)
  close_desk(desk)
  return 1
end

-- Releases some of what a removed account showed; 1 when nothing is left.
local function release_shown(base, args)
  if load_account(base).removed == 0 then
    return 1
  end
  local contents = redis.call('SRANDMEMBER', base .. ':shown', args[1])
  for _, content in ipairs(contents) do
    release_content(base, content)
  end
  return #contents == 0 and 1 or 0
end

-- What a crash may have left: a 'shelf' to empty, or contents 'shown' by an
-- account that was removed.
local function left_over(keys)
  if redis.call('EXISTS', keys[1] .. ':doomed') == 1 then
    return 'shelf'
  end
  local removed = load_account(keys[1]).removed == 1
  return removed and redis.call('EXISTS', keys[1] .. ':shown') == 1 and 'shown' or 'nothing'
end

reads('mailbox_left', left_over)
removes('mailbox_remove', in_busy_account(remove_account))
removes('mailbox_release_shown', in_busy_account(release_shown))
