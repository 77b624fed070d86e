-- What spans accounts has a hash tag of its own, and is no part of an account's
-- steps. The keys begin with `m:{index}`:
--   :accounts  zset  ids, all with score 0 and therefore in order; an account is
--                    entered before it is opened
--   :busy      zset  ids of accounts that may have something to release, by when
--                    they were entered; an account is entered before a step that
--                    may leave something, and taken out when nothing was found
--                    long after

local MARK_HOLDS = 30 * 1000000
local MARK_STAYS = 60 * 1000000

local function register_account(keys, args)
  return redis.call('ZADD', keys[1] .. ':accounts', 0, args[1])
end

-- Ids from `from` on, itself included.
local function list_accounts(keys, args)
  local from = args[1] == '' and '-' or '[' .. args[1]
  return redis.call('ZRANGEBYLEX', keys[1] .. ':accounts', from, '+', 'LIMIT', 0, args[2])
end

-- When the account was entered; the step is given that.
local function mark_busy(keys, args)
  local time = now('')
  redis.call('ZADD', keys[1] .. ':busy', integer(time), args[1])
  return integer(time)
end

local function list_busy(keys, args)
  return redis.call('ZRANGE', keys[1] .. ':busy', args[1], args[2])
end

-- Takes an account out, unless a step may still count on its being there.
local function unmark_busy(keys, args)
  local marked = redis.call('ZSCORE', keys[1] .. ':busy', args[1])
  if marked and now('') - tonumber(marked) > MARK_STAYS then
    return redis.call('ZREM', keys[1] .. ':busy', args[1])
  end
  return 0
end

-- A function of an account that may leave something to release: it is given
-- first when the account was entered as busy.
local function in_busy_account(work)
  return in_account(function(base, args)
    if now('') - tonumber(args[1]) > MARK_HOLDS then
      return redis.error_reply('UNMARKED the account is to be entered as busy again')
    end
    table.remove(args, 1)
    return work(base, args)
  end)
end

edits('mailbox_register', register_account)
reads('mailbox_accounts', list_accounts)
removes('mailbox_mark_busy', mark_busy)
reads('mailbox_busy', list_busy)
removes('mailbox_unmark_busy', unmark_busy)
