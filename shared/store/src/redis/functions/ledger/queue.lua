-- The queue as operators see it, and what they do to it.

-- Open messages after a name, with their first jobs: {message, description}.
define('queue', reads, function(turn)
  local after, limit, jobs = take(turn), take(turn), take_number(turn)
  local page = {}
  for _, id in ipairs(names_after(turn, 'open', after, limit)) do
    page[#page + 1] = { id, describe_message(message(turn, id), jobs) }
  end
  return page
end)

-- What is kept of messages, each index counted on its own, and the counters.
define('counts', reads, function(turn)
  return {
    redis.call('ZCARD', key(turn, 'entries')),
    redis.call('ZCARD', key(turn, 'closed')),
    redis.call('ZCARD', key(turn, 'open')),
    redis.call('HGETALL', key(turn, 'counts')),
  }
end)

-- Retries, holds or releases any job.
define('operate', settles, function(turn)
  local m, part, event = take_message(turn), take(turn), take(turn)
  local number = tonumber(part)
  if number then
    local job = load_job(m, number)
    if not job or not operate(turn, job.course, event) then
      return 0
    end
    job.course.parked_at = nil
    keep_job(turn, m, job)
  else
    local progress = load_progress(m)
    local course = progress and chore(progress, part)
    if not course or not operate(turn, course, event) then
      return 0
    end
    keep_progress(turn, m, progress, feed_by_feeder)
  end
  save(m)
  return 1
end)

-- Sends a job to another destination, under a new generation.
define('redirect', settles, function(turn)
  local m, number, to = take_message(turn), take_number(turn), take(turn)
  local job = load_job(m, number)
  if not job or job.course.to == 'local' or not operate(turn, job.course, 'redirect') then
    return 0
  end
  local course = job.course
  local story = 'redirected by the operator: from ' .. course.to .. ' to ' .. to
  add_attempts(course, { { turn.now, story } })
  course.to = to
  course.generation = course.generation + 1
  feed_by_feeder(turn, course)
  course.parked_at = nil
  keep_job(turn, m, job)
  save(m)
  return 1
end)

-- Settles the open recipients of a work job with one outcome.
define('overrule', settles, function(turn)
  local m, number, verdict, outcome =
    take_message(turn), take_number(turn), take(turn), take(turn)
  local work = load_work(m, number)
  if not work or not work.progress or not advance(work.job.course, 'overrule') then
    return 0
  end
  local outcomes = {}
  for _, place in ipairs(open_places(work.recipients, work.results)) do
    outcomes[#outcomes + 1] = { place = place, verdict = verdict, outcome = outcome }
  end
  local course = work.job.course
  course.warn_at = nil
  course.published = 0
  course.feed_at = nil
  local settled = note_outcomes(work.results, outcomes)
  keep_results(turn, m, work, settled, feed_by_feeder)
  return 1
end)

-- Nobody is to be told of what is owed now.
define('drop_notices', settles, function(turn)
  local m = take_message(turn)
  local progress = load_progress(m)
  if not progress or not progress.notice or not is_legal(progress.notice, 'overrule') then
    return 0
  end
  drop_notices(turn, m, progress)
  keep_progress(turn, m, progress, feed_by_feeder)
  save(m)
  return 1
end)
