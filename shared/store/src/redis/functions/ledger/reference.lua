-- References to content: one sorted set of `CONTENT HOLDER`, a holder being `e`
-- and a message or `a` and an account; and contents condemned, by time.

-- Whom a content's references range over: a space comes before what may be in
-- its id, and `!` right after the space.
local function reference_range(content)
  return '[' .. content .. ' ', '(' .. content .. '!'
end

local function references_to(turn, content, limit)
  local from, to = reference_range(content)
  return redis.call('ZRANGEBYLEX', key(turn, 'references'), from, to, 'LIMIT', 0, limit)
end

local function is_condemned(turn, content)
  return redis.call('ZSCORE', key(turn, 'condemned'), content) ~= false
end

-- Adds a reference; false where the content is condemned.
local function refer(turn, content, holder)
  if is_condemned(turn, content) then
    return false
  end
  redis.call('ZADD', key(turn, 'references'), '0', content .. ' ' .. holder)
  return true
end

-- Condemns a content; false where somebody refers to it.
local function condemn(turn, content)
  if #references_to(turn, content, 1) > 0 then
    return false
  end
  redis.call('ZADD', key(turn, 'condemned'), 'NX', integer(turn.now), content)
  return true
end

-- Drops a reference, and with the last one the content.
local function release(turn, content, holder)
  if redis.call('ZREM', key(turn, 'references'), content .. ' ' .. holder) == 1 then
    condemn(turn, content)
  end
end

define('refer', settles, function(turn)
  local content, holder = take(turn), take(turn)
  return refer(turn, content, holder) and 1 or 0
end)

define('release', settles, function(turn)
  local content, holder = take(turn), take(turn)
  release(turn, content, holder)
  return 1
end)

define('holders', reads, function(turn)
  local content, limit = take(turn), take(turn)
  return references_to(turn, content, limit)
end)

define('condemn', settles, function(turn)
  return condemn(turn, take(turn)) and 1 or 0
end)

-- Contents condemned from one time on and before another, without the first
-- `offset` of them: {content, time, …}.
define('condemned', reads, function(turn)
  local since, before, offset, limit = take(turn), take(turn), take(turn), take(turn)
  return redis.call(
    'ZRANGEBYSCORE', key(turn, 'condemned'), since, '(' .. before,
    'WITHSCORES', 'LIMIT', offset, limit
  )
end)

define('reclaimed', settles, function(turn)
  return redis.call('ZREM', key(turn, 'condemned'), unpack(take_rest(turn)))
end)

define('references', reads, function(turn)
  local after, limit = take(turn), take(turn)
  local from = after == '' and '-' or '(' .. after
  return redis.call('ZRANGEBYLEX', key(turn, 'references'), from, '+', 'LIMIT', 0, limit)
end)
