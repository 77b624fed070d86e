-- What the account shows, and what it no longer does.
--   :shown     hash  content -> how many entries show it
--   :releases  set   contents whose reference waits for being given back

local function gain_content(base, content)
  if redis.call('HINCRBY', base .. ':shown', content, 1) == 1 then
    redis.call('SREM', base .. ':releases', content)
  end
end

local function lose_content(base, content)
  if redis.call('HINCRBY', base .. ':shown', content, -1) <= 0 then
    redis.call('HDEL', base .. ':shown', content)
    redis.call('SADD', base .. ':releases', content)
  end
end

local function shows(keys, args)
  return redis.call('HEXISTS', keys[1] .. ':shown', args[1])
end

-- All of them, in no order: only `rohrpost check` asks.
local function shown(keys)
  return redis.call('HKEYS', keys[1] .. ':shown')
end

local function releases(keys, args)
  return redis.call('SRANDMEMBER', keys[1] .. ':releases', args[1])
end

local function released(keys, args)
  return redis.call('SREM', keys[1] .. ':releases', unpack(args))
end

reads('mailbox_shows', shows)
reads('mailbox_shown', shown)
reads('mailbox_releases', releases)
removes('mailbox_released', released)
