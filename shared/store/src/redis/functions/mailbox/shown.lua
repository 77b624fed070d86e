-- What the account shows, and what it no longer does.
--   :shown     set   contents that entries show
--   :copies    hash  content -> how many entries more than one show it
--   :releases  set   contents whose reference waits for being given back

local CONTENTS_AT_ONCE = 1000

local function gain_content(base, content)
  if redis.call('SADD', base .. ':shown', content) == 1 then
    redis.call('SREM', base .. ':releases', content)
  else
    redis.call('HINCRBY', base .. ':copies', content, 1)
  end
end

-- As many entries more show what others do; by content, how many. A call for each
-- would take far longer.
local function gain_copies(base, counts)
  local contents = {}
  for content in pairs(counts) do
    contents[#contents + 1] = content
  end
  for first = 1, #contents, CONTENTS_AT_ONCE do
    local last = math.min(first + CONTENTS_AT_ONCE - 1, #contents)
    local known = redis.call('HMGET', base .. ':copies', unpack(contents, first, last))
    local fields = {}
    for at = first, last do
      local copies = tonumber(known[at - first + 1] or '0') + counts[contents[at]]
      fields[#fields + 1] = contents[at]
      fields[#fields + 1] = integer(copies)
    end
    redis.call('HSET', base .. ':copies', unpack(fields))
  end
end

local function release_content(base, content)
  redis.call('SREM', base .. ':shown', content)
  redis.call('SADD', base .. ':releases', content)
end

local function lose_content(base, content)
  local copies = redis.call('HGET', base .. ':copies', content)
  if not copies then
    release_content(base, content)
  elseif copies == '1' then
    redis.call('HDEL', base .. ':copies', content)
  else
    redis.call('HINCRBY', base .. ':copies', content, -1)
  end
end

local function shows(keys, args)
  return redis.call('SISMEMBER', keys[1] .. ':shown', args[1])
end

-- All of them, in no order: only `rohrpost check` asks.
local function shown(keys)
  return redis.call('SMEMBERS', keys[1] .. ':shown')
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
