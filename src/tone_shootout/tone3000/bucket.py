"""Rate limit shared by all processes of an installation: a token bucket in Redis.

The bucket fills at a constant rate, and each request takes a token. The scripts run in the Redis server and use its
clock, so that all processes agree.
"""

from typing import Final

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

_TAKE: Final = """
local now = redis.call('TIME')
now = tonumber(now[1]) + tonumber(now[2]) / 1e6
local capacity, rate = tonumber(ARGV[1]), tonumber(ARGV[2])
local state = redis.call('HMGET', KEYS[1], 'tokens', 'at', 'held')
local tokens, at, held = tonumber(state[1]) or capacity, tonumber(state[2]) or now, tonumber(state[3]) or 0
if held > now then
  return tostring(held - now)
end
tokens = math.min(capacity, tokens + math.max(0, now - at) * rate)
local wait = 0
if tokens >= 1 then
  tokens = tokens - 1
else
  wait = (1 - tokens) / rate
end
redis.call('HSET', KEYS[1], 'tokens', tostring(tokens), 'at', tostring(now))
redis.call('EXPIRE', KEYS[1], math.ceil(capacity / rate) + 60)
return tostring(wait)
"""

_HOLD: Final = """
local now = redis.call('TIME')
local till = tonumber(now[1]) + tonumber(now[2]) / 1e6 + tonumber(ARGV[1])
if till > (tonumber(redis.call('HGET', KEYS[1], 'held')) or 0) then
  redis.call('HSET', KEYS[1], 'held', tostring(till))
  redis.call('EXPIRE', KEYS[1], math.ceil(tonumber(ARGV[1])) + 60)
end
return 0
"""

_log = structlog.get_logger(__name__)


class TokenBucket:
    """Token bucket of `per_minute` requests a minute, with a burst of a tenth of them.

    While Redis is unavailable, requests are not limited; TONE3000 enforces its own limit.

    Args:
        redis: stores the bucket.
        name: name of the bucket, shared by all its users.
        per_minute: maximum number of requests in any minute.
    """

    def __init__(self, redis: Redis, name: str, per_minute: int) -> None:
        self._key = f"shootout:bucket:{name}"
        self._capacity = max(1, per_minute // 10)
        # Minus the burst, so that no minute has more than `per_minute` requests.
        self._rate = max(1, per_minute - self._capacity) / 60.0
        self._take = redis.register_script(_TAKE)
        self._hold = redis.register_script(_HOLD)

    async def take(self) -> float:
        """Take a token and return 0.0; if the bucket is empty, return the time to wait in seconds."""
        try:
            return float(await self._take(keys=[self._key], args=[self._capacity, self._rate]))
        except RedisError:
            _log.warning("bucket_unavailable", bucket=self._key, exc_info=True)
            return 0.0

    async def pause(self, seconds: float) -> None:
        """Stop handing out tokens for some seconds."""
        try:
            await self._hold(keys=[self._key], args=[seconds])
        except RedisError:
            _log.warning("bucket_unavailable", bucket=self._key, exc_info=True)
