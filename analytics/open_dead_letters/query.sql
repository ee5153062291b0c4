-- What still waits for somebody to mend it: one row per failure, however often it was met, and none for an object that
-- was recorded afterwards.
WITH newest AS (
  SELECT *
  FROM `{dataset}.dead_letters`
  WHERE TRUE
  QUALIFY ROW_NUMBER() OVER (PARTITION BY dead_letter_id ORDER BY occurred_at DESC) = 1
),
recorded AS (
  SELECT uri, MAX(processed_at) AS processed_at
  FROM `{dataset}.asset_versions`
  GROUP BY uri
)
SELECT newest.*
FROM newest
LEFT JOIN recorded ON recorded.uri = newest.uri
WHERE recorded.processed_at IS NULL OR recorded.processed_at < newest.occurred_at
