-- Errors that the adapter knows by their first word; nothing may be written
-- before one is returned.
local function misused(reason)
  return redis.error_reply('MISUSED ' .. reason)
end

local function full(reason)
  return redis.error_reply('FULL ' .. reason)
end

local function corrupt(key, reason)
  return redis.error_reply('CORRUPT ' .. key .. ' ' .. reason)
end
