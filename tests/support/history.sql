-- Years of finished jobs of other users: :jobs jobs with three events each, files, cache entries, delivered webhooks.
-- Their events have been thinned, and their deliveries are as old as those that are kept.
SET LOCAL session_replication_role = replica; -- the foreign keys hold by construction

CREATE TEMPORARY TABLE past_user ON COMMIT DROP AS
SELECT uuidv7(interval '-800 days') AS id, n FROM generate_series(1, 200) n;
INSERT INTO user_account (id, name, role, is_active, created_at, updated_at)
SELECT id, 'past-' || n, 'user', true, now(), now() FROM past_user;

CREATE TEMPORARY TABLE past_shootout ON COMMIT DROP AS
SELECT uuidv7(interval '-700 days') AS id, u.id AS owner_id, s.n
FROM generate_series(0, :jobs / 10) AS s (n) JOIN past_user u ON u.n = 1 + s.n % 200;
INSERT INTO shootout (id, owner_id, title, schema_version, config, visibility, created_at, updated_at)
SELECT id, owner_id, 'Past ' || n, 1, '{}', 'private', now() - interval '700 days', now() - interval '700 days'
FROM past_shootout;

CREATE TEMPORARY TABLE past_job ON COMMIT DROP AS
SELECT uuidv7(-age) AS id, s.owner_id, s.id AS shootout_id, now() - age AS at, j.n
FROM generate_series(1, :jobs) AS j (n) JOIN past_shootout s ON s.n = j.n / 10,
LATERAL (SELECT interval '1 day' * (1 + 700.0 * (:jobs - j.n) / :jobs) AS age) a;
INSERT INTO job (
  id, owner_id, shootout_id, title, inputs, cost_s, status, attempt, interruptions, event_seq, progress_done,
  progress_total, created_at, updated_at, queued_at, started_at, finished_at, heartbeat_at, worker, events_thinned
)
SELECT id, owner_id, shootout_id, 'Past', '{}', 1, CASE n % 20 WHEN 0 THEN 'failed' WHEN 1 THEN 'cancelled' ELSE
  'completed' END, 1, 0, 3, 1, 1, at, at, at, at, at, at, 'past:1', at < now() - interval '30 days'
FROM past_job;
INSERT INTO job_event (job_id, seq, type, at, data)
SELECT id, seq, CASE seq WHEN 3 THEN 'done' ELSE 'status' END, at, '{"status": "completed", "attempt": 1}'
FROM past_job, generate_series(1, 3) seq;
INSERT INTO job_artifact (job_id, path, size, sha256, media_type, storage_key)
SELECT id, 'manifest.json', 1000, encode(sha256(id::text::bytea), 'hex'), 'application/json', 'results/' || id
FROM past_job;
INSERT INTO render_cache (owner_id, key, size, last_used_at)
SELECT owner_id, encode(sha256(id::text::bytea), 'hex'), 1000, at FROM past_job WHERE n % 5 = 0;

INSERT INTO webhook (id, owner_id, url, description, events, secret, created_at, updated_at)
SELECT id, id, 'https://past.example/', '', '{job.completed}', ''::bytea, now(), now() FROM past_user;
INSERT INTO webhook_delivery (
  id, webhook_id, type, payload, status, attempts, round_attempts, round_at, log, created_at, updated_at
)
SELECT uuidv7(), owner_id, 'job.completed', '{}', 'delivered', 1, 1, now(), '[]', now(), now()
FROM past_job WHERE n % 5 = 0;
