-- Who reads the directory remembers it until a change is told.
local function telling(edit)
  return function(keys, args)
    local result = edit(keys, args)
    redis.call('PUBLISH', 'd:changed', '')
    return result
  end
end
