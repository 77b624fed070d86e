-- Work on jobs: claims, results, and the order in which destinations are served.

-- A job of the caller's generation; nil if there is none.
local function current_job(m, number, generation)
  local job = load_job(m, number)
  return job and job.course.generation == generation and job or nil
end

-- What a work job is done by: the entry, and the job as it is, from the fields
-- that `work_fields` names.
local function work_fields(number)
  return 'entry', 'accepted', job_fields(number)
end

local function describe_work(number, course, fields)
  local job = describe_job(number, course, fields[4], read_results(fields[5]))
  return { fields[1], fields[2], job }
end

define('job_with_entry', reads, function(turn)
  local m, number = take_message(turn), take_number(turn)
  local fields = redis.call('HMGET', m.key, work_fields(number))
  return fields[3] and describe_work(number, cmsgpack.unpack(fields[3]), fields)
end)

define('jobs', reads, function(turn)
  local m, from, limit = take_message(turn), take_number(turn), take_number(turn)
  return describe_jobs(m, from, limit)
end)

-- Claims a job that may be claimed; false otherwise. `early` where it need not
-- be due.
local function claim(turn, m, number, generation, lease, early)
  local fields = redis.call('HMGET', m.key, work_fields(number))
  local job = read_job(m, number, fields[3])
  if not job or (generation and job.course.generation ~= generation) then
    return false
  end
  local course = job.course
  local asleep = course.state == 'deferred' and course.at > turn.now and not early
  if asleep or not advance(course, 'claim', later(turn.now, lease)) then
    return false
  end
  course.generation = course.generation + 1
  course.published = 0
  course.feed_at = nil
  course.parked_at = nil
  keep_job(turn, m, job)
  save(m)
  return describe_work(number, course, fields)
end

define('claim', settles, function(turn)
  local m, number, generation = take_message(turn), take_number(turn), take_number(turn)
  return claim(turn, m, number, generation, take_number(turn), false)
end)

-- The message and number of a work job's name.
local function read_name(name)
  return name:sub(1, 32), tonumber(name:sub(34))
end

local function next_job(turn, destination, drain)
  local name = first_slot(turn, 'waiting', destination)
  if name then
    return name
  end
  local due
  name, due = first_slot(turn, 'deferred', destination)
  return name and (drain or due <= turn.now) and name or nil
end

define('claim_next', settles, function(turn)
  local destination, lease, drain = take(turn), take_number(turn), take(turn) == '1'
  local name = next_job(turn, destination, drain)
  if not name then
    return false
  end
  local id, number = read_name(name)
  local claimed = claim(turn, message(turn, id), number, nil, lease, true)
  if not claimed then
    return corrupt(name, 'a slot is left of a job that cannot be claimed')
  end
  return { name, claimed }
end)

define('renew', settles, function(turn)
  local m, number, generation = take_message(turn), take_number(turn), take_number(turn)
  local renewed = later(turn.now, take_number(turn))
  local job = current_job(m, number, generation)
  if not job or not is_legal(job.course, 'renew') then
    return 0
  end
  local held = job.course.at
  if held <= turn.now then
    return 0
  end
  advance(job.course, 'renew', math.max(held, renewed))
  keep_job(turn, m, job)
  save(m)
  return 1
end)

define('park', settles, function(turn)
  local m, number, generation = take_message(turn), take_number(turn), take_number(turn)
  local job = current_job(m, number, generation)
  if not job or not advance(job.course, 'park') then
    return 0
  end
  job.course.parked_at = turn.now
  keep_job(turn, m, job)
  save(m)
  return 1
end)

-- What came of an attempt, as the caller tells it. `due` is nil where every
-- outcome is final.
local function take_report(turn)
  local report = {
    due = take_number(turn),
    warn_at = take_number(turn),
    retry_until = take_number(turn),
    outcomes = {},
  }
  for _ = 1, take_number(turn) do
    local recipient, verdict, outcome = take_number(turn), take(turn), take(turn)
    table.insert(report.outcomes, { place = recipient + 1, verdict = verdict, outcome = outcome })
  end
  report.attempts = take_rest(turn)
  return report
end

-- Whether a report names each open recipient once.
local function is_complete(report, recipients, results)
  local named, count_named = {}, 0
  for _, one in ipairs(report.outcomes) do
    if not named[one.place] then
      named[one.place] = true
      count_named = count_named + 1
    end
  end
  local open = open_places(recipients, results)
  if #report.outcomes ~= #open or count_named ~= #open then
    return false
  end
  for _, place in ipairs(open) do
    if not named[place] then
      return false
    end
  end
  return true
end

-- Notes outcomes; returns those that are final, in the order of recipients.
local function note_outcomes(results, outcomes)
  table.sort(outcomes, function(one, other)
    return one.place < other.place
  end)
  local settled = {}
  for _, one in ipairs(outcomes) do
    local final = one.verdict ~= 'deferred'
    local told = results[one.place] and results[one.place][3] or false
    results[one.place] = { one.outcome, final, told, UNSERVED[one.verdict] or false }
    if final then
      settled[#settled + 1] = one
    end
  end
  return settled
end

-- Whether the delay of an open recipient is yet to be told.
local function has_untold_delay(recipients, results)
  for _, place in ipairs(open_places(recipients, results)) do
    local recipient, told = recipients[place], results[place] and results[place][3]
    for index = 1, #recipient[2] do
      if not told and wants(recipient[3], index, 'delay') then
        return true
      end
    end
  end
  return false
end

local function plan_retry(course, report, recipients, results)
  course.warn_at = nil
  if report.retry_until then
    course.retry_until = report.retry_until
    course.warn_at = has_untold_delay(recipients, results) and report.warn_at or nil
  end
end

-- A job, its recipients and results, and the progress of its message; nil
-- where there is no such job.
local function load_work(m, number)
  local fields =
    redis.call('HMGET', m.key, 'j' .. number, 'r' .. number, 'o' .. number, 'open', 'content')
  local job = read_job(m, number, fields[1])
  if not job then
    return nil
  end
  m.content = fields[5]
  return {
    job = job,
    recipients = cmsgpack.unpack(fields[2]),
    results = read_results(fields[3]),
    progress = read_progress(m, fields[4]),
  }
end

-- Keeps a job with new results; whether a notice is owed for those settled.
local function keep_results(turn, m, work, settled, feed)
  local job, told = work.job, false
  put(m, 'o' .. job.number, cmsgpack.pack(work.results))
  keep_job(turn, m, job)
  if #settled > 0 then
    told = settle(turn, m, work, settled)
    keep_progress(turn, m, work.progress, feed)
  end
  save(m)
  return told
end

define('record', settles, function(turn)
  local m, number, generation = take_message(turn), take_number(turn), take_number(turn)
  local report = take_report(turn)
  local work = load_work(m, number)
  if not work or work.job.course.generation ~= generation then
    return 'stale'
  end
  local course = work.job.course
  if not advance(course, report.due and 'defer' or 'settle', report.due) then
    return 'stale'
  end
  if not is_complete(report, work.recipients, work.results) then
    return misused('a report on ' .. work.job.name .. ' must name each open recipient once')
  end
  if not work.progress then
    return corrupt(work.job.name, 'it has unsettled work, but its message is closed')
  end
  course.attempts = (course.attempts or 0) + 1
  course.tries = 0
  course.published = 0
  course.feed_at = nil
  add_attempts(course, report.attempts)
  local settled = note_outcomes(work.results, report.outcomes)
  plan_retry(course, report, work.recipients, work.results)
  return keep_results(turn, m, work, settled, feed_by_caller) and 'owed' or 'stored'
end)

-- Counts a try that ended without a result.
define('tried', settles, function(turn)
  local m, part, generation, problem =
    take_message(turn), take(turn), take_number(turn), take(turn)
  local number = tonumber(part)
  if number then
    local job = current_job(m, number, generation)
    if job and give_back(turn, job.course, problem, true) then
      keep_job(turn, m, job)
      save(m)
    end
    return 1
  end
  local progress = load_progress(m)
  local course = progress and chore(progress, part)
  if course and give_back(turn, course, problem, true) then
    keep_progress(turn, m, progress, feed_by_feeder)
    save(m)
  end
  return 1
end)
