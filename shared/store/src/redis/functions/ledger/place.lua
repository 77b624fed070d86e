-- Where a job stands in the indexes. It follows from its course alone, and
-- every change of a course moves it along.
--
--   timers:TOPIC           when the feeder publishes the job on that topic
--   timers:upkeep          when its lease ends, or its delay is to be told
--   slots:CLASS:DESTINATION  waiting and deferred jobs of a destination
--   heads:CLASS            each destination's first slot of that class
--
-- All are sorted by time and then by name; CLASS is waiting or deferred.

local NOWHERE = {}

local function place_of(course, topic)
  local state = course.state
  if state == 'pending' then
    return { timer = course.feed_at and topic, timer_at = course.feed_at }
  elseif state == 'working' then
    return { timer = 'upkeep', timer_at = course.at }
  elseif state == 'waiting' then
    return { slot = 'waiting', slot_at = course.parked_at, to = course.to }
  elseif state == 'deferred' then
    return {
      timer = course.warn_at and 'upkeep',
      timer_at = course.warn_at,
      slot = 'deferred',
      slot_at = course.at,
      to = course.to,
    }
  end
  return { dead = state == 'dead' }
end

local function timers(turn, name)
  return key(turn, 'timers:' .. name)
end

local function slots(turn, class, destination)
  return key(turn, 'slots:' .. class .. ':' .. destination)
end

local function heads(turn, class)
  return key(turn, 'heads:' .. class)
end

-- A destination's first slot of a class: whose it is, and its time.
local function first_slot(turn, class, destination)
  local first = redis.call('ZRANGE', slots(turn, class, destination), 0, 0, 'WITHSCORES')
  return first[1], tonumber(first[2])
end

local function move_timer(turn, job, from, to)
  if from.timer == to.timer and from.timer_at == to.timer_at then
    return
  end
  if from.timer and from.timer ~= to.timer then
    redis.call('ZREM', timers(turn, from.timer), job)
  end
  if to.timer then
    redis.call('ZADD', timers(turn, to.timer), integer(to.timer_at), job)
  end
end

local function move_head(turn, class, destination)
  local job, at = first_slot(turn, class, destination)
  if job then
    redis.call('ZADD', heads(turn, class), integer(at), destination)
  else
    redis.call('ZREM', heads(turn, class), destination)
  end
end

local function move_slot(turn, job, from, to)
  if from.slot == to.slot and from.slot_at == to.slot_at and from.to == to.to then
    return
  end
  if from.slot then
    redis.call('ZREM', slots(turn, from.slot, from.to), job)
    move_head(turn, from.slot, from.to)
  end
  if to.slot then
    redis.call('ZADD', slots(turn, to.slot, to.to), integer(to.slot_at), job)
    move_head(turn, to.slot, to.to)
  end
end

local function move(turn, job, from, to)
  move_timer(turn, job, from, to)
  move_slot(turn, job, from, to)
  if from.dead ~= to.dead then
    count(turn, 'dead', (to.dead and 1 or 0) - (from.dead and 1 or 0))
  end
end
