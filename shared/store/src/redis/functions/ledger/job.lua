-- A work job, in four fields of its message:
--
--   nN  JSON of the job as routing made it, unchanging
--   jN  its course, with what only work jobs have:
--         generation, to (its destination), attempts, warn_at, retry_until,
--         parked_at (since when it waits)
--   rN  its recipients, unchanging: {account or false, {original, …}, wishes},
--       the wishes having a digit for each original
--   oN  what they came to, once something did: by place, {JSON of the outcome,
--         whether it is final, whether its delay was told, whether its account
--         goes without}

local function topic_to(destination)
  return destination == 'local' and 'local' or 'remote'
end

local function place_of_job(course)
  return place_of(course, topic_to(course.to))
end

-- Unpacks field `jN`; nil where there is no such job.
local function read_job(m, number, packed)
  if not packed then
    return nil
  end
  local course = cmsgpack.unpack(packed)
  return {
    number = number,
    name = m.id .. '.' .. number,
    course = course,
    placed = place_of_job(course),
  }
end

local function read_results(packed)
  return packed and cmsgpack.unpack(packed) or {}
end

local function load_job(m, number)
  return read_job(m, number, redis.call('HGET', m.key, 'j' .. number))
end

-- Keeps a job's course and moves it to where it belongs in the indexes.
local function keep_job(turn, m, job)
  local placed = place_of_job(job.course)
  put(m, 'j' .. job.number, cmsgpack.pack(job.course))
  move(turn, job.name, job.placed, placed)
  job.placed = placed
end

local function is_final(results, place)
  local result = results[place]
  return result and result[2] or false
end

-- The places of recipients without a final outcome, in order.
local function open_places(recipients, results)
  local places = {}
  for place = 1, #recipients do
    if not is_final(results, place) then
      places[#places + 1] = place
    end
  end
  return places
end

local function job_fields(number)
  return 'j' .. number, 'n' .. number, 'o' .. number
end

local function describe_results(results)
  local described = {}
  for place, result in pairs(results) do
    described[#described + 1] = { place - 1, result[1], result[3] and 1 or 0 }
  end
  return described
end

-- A job as the caller reads it.
local function describe_job(number, course, made, results)
  return {
    number,
    made,
    course.to,
    course.generation,
    course.state,
    course.at or false,
    course.attempts or 0,
    course.tries,
    course.warn_at or false,
    course.retry_until or false,
    describe_results(results),
    course.log or {},
  }
end

-- Up to `limit` jobs of a message from number `from` on.
local function describe_jobs(m, from, limit)
  local described = {}
  for number = from, from + limit - 1 do
    local fields = redis.call('HMGET', m.key, job_fields(number))
    if not fields[1] then
      break
    end
    local course = cmsgpack.unpack(fields[1])
    described[#described + 1] = describe_job(number, course, fields[2], read_results(fields[3]))
  end
  return described
end
