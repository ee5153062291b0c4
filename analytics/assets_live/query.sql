-- The current version of every asset that is not deleted. A late row of an older version changes nothing here, and
-- of a version that was processed more than once the latest processing counts.
SELECT newest.*
FROM (
  SELECT *
  FROM `{dataset}.asset_versions`
  WHERE TRUE
  QUALIFY ROW_NUMBER() OVER (PARTITION BY asset_id ORDER BY version_order DESC, processed_at DESC) = 1
) AS newest
WHERE newest.status != 'deleted'
