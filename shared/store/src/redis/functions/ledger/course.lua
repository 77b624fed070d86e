-- The course of a job: its state, its tries, its publications. Work jobs,
-- routing jobs and notice jobs all have one.
--
--   state      pending, working, waiting, deferred, held, dead, settled
--   at         until when it is worked on, or when it is due
--   tries      how often in a row it was tried without a result
--   published  how often this generation was published
--   feed_at    when the feeder publishes it next
--   log        attempts: JSON of the caller, or {time, text} of ours

-- Idempotent work is done without a claim. Results that come late, but before
-- anyone else has claimed, are still the truth.
local ATTEMPTED = { pending = true, working = true }
-- Whoever works on it may be about to succeed.
local NOT_IN_WORK = { pending = true, waiting = true, deferred = true, held = true, dead = true }

-- The states that an event may happen in, and the one it leads to: the table of
-- `JobState`.
local EVENTS = {
  claim = { from = { pending = true, waiting = true, deferred = true }, to = 'working' },
  renew = { from = { working = true }, to = 'working' },
  park = { from = { pending = true }, to = 'waiting' },
  defer = { from = ATTEMPTED, to = 'deferred' },
  settle = { from = ATTEMPTED, to = 'settled' },
  give_back = { from = ATTEMPTED, to = 'pending' },
  bury = { from = ATTEMPTED, to = 'dead' },
  retry = { from = { deferred = true, dead = true, waiting = true }, to = 'pending' },
  hold = { from = { pending = true, waiting = true, deferred = true }, to = 'held' },
  release = { from = { held = true }, to = 'pending' },
  redirect = { from = NOT_IN_WORK, to = 'pending' },
  overrule = { from = NOT_IN_WORK, to = 'settled' },
}

local function is_legal(course, event)
  return EVENTS[event].from[course.state] == true
end

-- Leads a course to its next state; false where the event must not happen.
local function advance(course, event, at)
  if not is_legal(course, event) then
    return false
  end
  course.state = EVENTS[event].to
  course.at = at
  return true
end

local FIRST_ATTEMPTS = 5
local LAST_ATTEMPTS = 15
local HOUR = 3600e6

-- Of a long log the first attempts and the last ones are kept.
local function add_attempts(course, attempts)
  local log = course.log or {}
  for _, attempt in ipairs(attempts) do
    log[#log + 1] = attempt
  end
  while #log > FIRST_ATTEMPTS + LAST_ATTEMPTS do
    table.remove(log, FIRST_ATTEMPTS + 1)
  end
  course.log = #log > 0 and log or nil
end

-- How long to wait for progress, doubled so many times.
local function wait(turn, doublings)
  local longest = math.max(HOUR, turn.interval)
  return math.min(turn.interval * 2 ^ doublings, longest)
end

-- Whoever makes a job pending publishes it, too.
local function feed_by_caller(turn, course)
  course.published = 1
  course.feed_at = later(turn.now, wait(turn, 0))
end

-- Nobody but the feeder publishes it.
local function feed_by_feeder(turn, course)
  course.published = 0
  course.feed_at = turn.now
end

local function new_course(turn, feed)
  local course = { state = 'pending', tries = 0, published = 0 }
  feed(turn, course)
  return course
end

-- Publication number `publication` of a pending job was made.
local function feed_again(turn, course, publication)
  if course.state == 'pending' and course.published == publication then
    course.published = publication + 1
    course.feed_at = later(turn.now, wait(turn, publication))
  end
end

-- An operator's event. What becomes pending is the feeder's to publish.
local function operate(turn, course, event)
  if not advance(course, event) then
    return false
  end
  if event == 'retry' or event == 'redirect' then
    course.tries = 0
  end
  course.feed_at = course.state == 'pending' and turn.now or nil
  return true
end

-- A try ended without a result; false where nobody can have tried.
local function give_back(turn, course, problem, after_wait)
  local tries = course.tries + 1
  local dead = tries > turn.max_tries
  if not advance(course, dead and 'bury' or 'give_back') then
    return false
  end
  local doublings = math.max(course.published, tries) - 1
  local span = after_wait and wait(turn, doublings) or 0
  course.tries = tries
  course.feed_at = not dead and later(turn.now, span) or nil
  add_attempts(course, { { turn.now, problem } })
  return true
end
