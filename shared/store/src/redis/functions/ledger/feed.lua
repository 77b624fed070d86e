-- Feeding: timers that are due, and leases by name.

local function part_of(name)
  return name:sub(34)
end

local function topic_of_part(part)
  return part == 'route' and 'accepted' or 'outcome'
end

-- The course of any job; nil where it has nothing to do any more.
local function load_course(m, part)
  local number = tonumber(part)
  if number then
    local job = load_job(m, number)
    return job and job.course
  end
  local progress = load_progress(m)
  return progress and chore(progress, part)
end

local function publication(m, name, part)
  local course = load_course(m, part)
  if not course or course.state ~= 'pending' then
    return false
  end
  return {
    name,
    course.generation or 0,
    course.published,
    course.feed_at or false,
    course.to or false,
    redis.call('HGET', m.key, 'trace'),
  }
end

define('publication', reads, function(turn)
  local name = take(turn)
  return publication(message(turn, name:sub(1, 32)), name, part_of(name))
end)

local function expire(turn, m, job)
  give_back(turn, job.course, "the worker's lease expired without a result", false)
  keep_job(turn, m, job)
end

local function tell_delay(turn, m, work)
  warn(turn, m, work)
  put(m, 'o' .. work.job.number, cmsgpack.pack(work.results))
  keep_progress(turn, m, work.progress, feed_by_feeder)
  keep_job(turn, m, work.job)
end

-- Does what a job's timer for upkeep asks for. A timer that its job does not
-- know is removed, or it would be found again for ever.
local function work_off(turn, name)
  local id, number = read_name(name)
  local m = message(turn, id)
  local work = number and load_work(m, number)
  if not work or not work.progress or work.job.placed.timer ~= 'upkeep' then
    redis.call('ZREM', timers(turn, 'upkeep'), name)
  elseif work.job.course.state == 'working' then
    expire(turn, m, work.job)
  else
    tell_delay(turn, m, work)
  end
  save(m)
end

local function due_timers(turn, topic, limit)
  return redis.call(
    'ZRANGEBYSCORE', timers(turn, topic), '-inf', integer(turn.now), 'WITHSCORES', 'LIMIT', 0, limit
  )
end

-- Ends leases and tells delays whose time has come, at most `limit`; returns
-- how many.
define('work_off', settles, function(turn)
  local due = due_timers(turn, 'upkeep', take(turn))
  for position = 1, #due, 2 do
    work_off(turn, due[position])
  end
  return #due / 2
end)

local function by_time(one, other)
  if one.at ~= other.at then
    return one.at < other.at
  end
  return one.order < other.order
end

-- The first `limit` timers of these topics that are due.
local function first_timers(turn, topics, limit)
  local found = {}
  for _, topic in ipairs(topics) do
    local due = due_timers(turn, topic, limit)
    for position = 1, #due, 2 do
      local name, at = due[position], tonumber(due[position + 1])
      found[#found + 1] = { name = name, at = at, topic = topic, order = #found }
    end
  end
  table.sort(found, by_time)
  for position = #found, limit + 1, -1 do
    found[position] = nil
  end
  return found
end

-- Publications that are due on these topics, the oldest first.
define('overdue', settles, function(turn)
  local limit = take_number(turn)
  local publications = {}
  for _, timer in ipairs(first_timers(turn, take_rest(turn), limit)) do
    local m = message(turn, timer.name:sub(1, 32))
    local due = publication(m, timer.name, part_of(timer.name))
    if due then
      publications[#publications + 1] = due
    else
      redis.call('ZREM', timers(turn, timer.topic), timer.name)
    end
  end
  return publications
end)

local function fed(turn, name, generation, number)
  local m, part = message(turn, name:sub(1, 32)), part_of(name)
  local work = tonumber(part)
  if work then
    local job = current_job(m, work, generation)
    if job then
      feed_again(turn, job.course, number)
      keep_job(turn, m, job)
    end
  else
    local progress = load_progress(m)
    local course = progress and chore(progress, part)
    if course then
      feed_again(turn, course, number)
      keep_progress(turn, m, progress, feed_by_feeder)
    end
  end
  save(m)
end

-- These publications were made: name, generation and number of each.
define('fed', settles, function(turn)
  local rest = take_rest(turn)
  for position = 1, #rest, 3 do
    fed(turn, rest[position], tonumber(rest[position + 1]), tonumber(rest[position + 2]))
  end
  return 1
end)

-- Takes or renews a lease of work that one instance does.
define('lease', settles, function(turn)
  local name, owner, span = take(turn), take(turn), take_number(turn)
  local packed = redis.call('HGET', key(turn, 'leases'), name)
  local lease = packed and cmsgpack.unpack(packed)
  if lease and lease.owner ~= owner and lease.at > turn.now then
    return 0
  end
  lease = { owner = owner, at = later(turn.now, span) }
  redis.call('HSET', key(turn, 'leases'), name, cmsgpack.pack(lease))
  return 1
end)
