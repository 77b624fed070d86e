-- How functions are registered. At `maxmemory` the server refuses what adds
-- state, and goes on with what removes or settles some.
local function register(name, callback, flags)
  redis.register_function { function_name = name, callback = callback, flags = flags }
end

local function edits(name, callback)
  register(name, callback, {})
end

local function removes(name, callback)
  register(name, callback, { 'allow-oom' })
end

local function reads(name, callback)
  register(name, callback, { 'no-writes' })
end
