-- Who has an account's mailboxes for itself.
--   :lock  string  holder and when its lease ends, by the clock of leases

local function holder_of(base, time)
  local lock = redis.call('GET', base .. ':lock')
  local holder, ends = string.match(lock or '', '^(%S+) (%d+)$')
  return holder and tonumber(ends) > time and holder
end

local function lock(keys, args)
  local base, holder, lease, time = keys[1], args[1], tonumber(args[2]), now(args[3])
  local other = holder_of(base, time)
  if other and other ~= holder then
    return 0
  end
  redis.call('SET', base .. ':lock', holder .. ' ' .. integer(time + lease))
  return 1
end

local function unlock(keys, args)
  if holder_of(keys[1], now(args[2])) == args[1] then
    redis.call('DEL', keys[1] .. ':lock')
  end
  return 1
end

removes('mailbox_lock', lock)
removes('mailbox_unlock', unlock)
