-- Failed logins.
--   :client:ADDRESS, :account:ID, :nobody:KIND
--     string  how many, and when their window has passed; the key expires then

local function failures_at(key, time)
  local failures, ends = string.match(redis.call('GET', key) or '', '^(%d+) (%d+)$')
  if failures and tonumber(ends) > time then
    return tonumber(failures), tonumber(ends)
  end
  return 0, 0
end

local function failed(keys, args)
  local base, time = keys[1], now(args[3])
  local from_client = failures_at(base .. ':' .. args[1], time)
  local for_user = failures_at(base .. ':' .. args[2], time)
  return { from_client, for_user }
end

local function count_one(key, time, window)
  local failures, ends = failures_at(key, time)
  if failures == 0 then
    ends = time + window
  end
  local value = integer(failures + 1) .. ' ' .. integer(ends)
  redis.call('SET', key, value, 'PX', integer(math.ceil((ends - time) / 1000)))
  return failures
end

local function count(keys, args)
  local base, time, window = keys[1], now(args[3]), tonumber(args[4])
  local from_client = count_one(base .. ':' .. args[1], time, window)
  local for_user = count_one(base .. ':' .. args[2], time, window)
  return { from_client, for_user }
end

reads('logins_failed', failed)
edits('logins_count', count)
