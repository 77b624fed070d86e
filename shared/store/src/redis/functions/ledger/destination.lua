-- Destinations: which have work to do now, and which are in trouble.
--
--   troubles  by destination: {failures, trouble (JSON), probe_at, probing_until}
--   troubled  their names, sorted

local CLASSES = { 'waiting', 'deferred' }

-- Whether a name comes before another, octet by octet: `<` asks the locale.
local function precedes(one, other)
  for position = 1, math.min(#one, #other) do
    local left, right = one:byte(position), other:byte(position)
    if left ~= right then
      return left < right
    end
  end
  return #one < #other
end

local function comes_before(one, other)
  if one.at ~= other.at then
    return one.at < other.at
  end
  return precedes(one.name, other.name)
end

-- When the first slot of a destination is due, and of which class it is.
local function place_of_destination(turn, destination)
  local first, class_of_first
  for _, class in ipairs(CLASSES) do
    local at = tonumber(redis.call('ZSCORE', heads(turn, class), destination))
    if at and (not first or at < first) then
      first, class_of_first = at, class
    end
  end
  return first, class_of_first
end

-- What waits is ready even if the clock was set back since.
local function is_ready(turn, class, at)
  return class == 'waiting' or at <= turn.now
end

-- The heads of a class from `start` on that are ready: {name, time, …}.
local function page_of_heads(turn, class, start, offset, limit)
  local from = start and integer(start.at) or '-inf'
  local to = class == 'waiting' and '+inf' or integer(turn.now)
  return redis.call(
    'ZRANGEBYSCORE', heads(turn, class), from, to, 'WITHSCORES', 'LIMIT', offset, limit
  )
end

-- Adds the destinations of a class behind `start`, in the order of time.
local function add_ready(turn, found, class, start, limit)
  local offset, enough = 0, #found + limit
  while #found < enough do
    local page = page_of_heads(turn, class, start, offset, limit)
    for position = 1, #page, 2 do
      local head = { name = page[position], at = tonumber(page[position + 1]) }
      local _, first_class = place_of_destination(turn, head.name)
      if first_class == class and (not start or comes_before(start, head)) then
        found[#found + 1] = head
      end
    end
    if #page < 2 * limit then
      return
    end
    offset = offset + limit
  end
end

-- Destinations in the order of their first slot that is due.
--
-- A page starts behind the place of `after` in that order. A destination that
-- is not ready any more has no place: then the order starts anew, which is safe,
-- since what made it unready was progress.
define('ready', reads, function(turn)
  local after, limit = take(turn), take_number(turn)
  local at, class = place_of_destination(turn, after)
  local start = at and is_ready(turn, class, at) and { name = after, at = at } or nil
  local found, names = {}, {}
  for _, one in ipairs(CLASSES) do
    add_ready(turn, found, one, start, limit)
  end
  table.sort(found, comes_before)
  for position = 1, math.min(limit, #found) do
    names[position] = found[position].name
  end
  return names
end)

define('next_due', reads, function(turn)
  local first = redis.call('ZRANGE', heads(turn, 'deferred'), 0, 0, 'WITHSCORES')
  return tonumber(first[2]) or false
end)

local function load_trouble(turn, destination)
  local packed = redis.call('HGET', key(turn, 'troubles'), destination)
  return packed and cmsgpack.unpack(packed) or nil
end

local function keep_trouble(turn, destination, state)
  redis.call('HSET', key(turn, 'troubles'), destination, cmsgpack.pack(state))
end

local function is_probed(turn, state)
  return state.probing_until ~= nil and state.probing_until > turn.now
end

local function describe_trouble(turn, destination, state)
  local probing_until = is_probed(turn, state) and state.probing_until or false
  return { destination, state.failures, state.trouble, probing_until }
end

define('destination', reads, function(turn)
  local destination = take(turn)
  local state = load_trouble(turn, destination)
  return state and describe_trouble(turn, destination, state) or false
end)

define('troubled', reads, function(turn)
  local after, limit = take(turn), take(turn)
  local described = {}
  for _, destination in ipairs(names_after(turn, 'troubled', after, limit)) do
    local state = load_trouble(turn, destination)
    described[#described + 1] = describe_trouble(turn, destination, state)
  end
  return described
end)

define('claim_probe', settles, function(turn)
  local destination, lease = take(turn), take_number(turn)
  local state = load_trouble(turn, destination)
  if not state or is_probed(turn, state) or state.probe_at > turn.now then
    return 0
  end
  state.probing_until = later(turn.now, lease)
  keep_trouble(turn, destination, state)
  return 1
end)

define('destination_failed', settles, function(turn)
  local destination, trouble, probe_at = take(turn), take(turn), take_number(turn)
  local before = load_trouble(turn, destination)
  local failures = (before and before.failures or 0) + 1
  keep_trouble(turn, destination, { failures = failures, trouble = trouble, probe_at = probe_at })
  redis.call('ZADD', key(turn, 'troubled'), 0, destination)
  return failures
end)

define('destination_recovered', settles, function(turn)
  local destination = take(turn)
  if redis.call('HDEL', key(turn, 'troubles'), destination) == 1 then
    redis.call('ZREM', key(turn, 'troubled'), destination)
  end
  return 1
end)
