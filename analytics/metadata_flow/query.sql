-- Per hour of upload: how many assets were scored for a field, and how many came with it filled. Exact under replays:
-- of one version and profile the latest scoring counts.
WITH newest AS (
  SELECT hour, team, profile, asset_id, version, present, missing, template
  FROM `{dataset}.metadata_completeness`
  -- A version is recorded when its row of asset_versions is, which is written last.
  INNER JOIN (SELECT DISTINCT asset_id, version FROM `{dataset}.asset_versions`) USING (asset_id, version)
  WHERE TRUE
  QUALIFY ROW_NUMBER() OVER (PARTITION BY asset_id, version, profile ORDER BY processed_at DESC) = 1
),
states AS (
  SELECT hour, team, profile, asset_id, version, field, TRUE AS is_filled, FALSE AS is_template
  FROM newest, UNNEST(newest.present) AS field
  UNION ALL
  SELECT hour, team, profile, asset_id, version, field, FALSE AS is_filled, FALSE AS is_template
  FROM newest, UNNEST(newest.missing) AS field
  UNION ALL
  SELECT hour, team, profile, asset_id, version, field, FALSE AS is_filled, TRUE AS is_template
  FROM newest, UNNEST(newest.template) AS field
),
fields AS (
  SELECT hour, team, profile, field, asset_id, version, LOGICAL_OR(is_filled) AS filled, LOGICAL_OR(is_template) AS template
  FROM states
  GROUP BY hour, team, profile, field, asset_id, version
)
SELECT
  hour,
  team,
  profile,
  field,
  COUNT(*) AS assets,
  COUNTIF(filled) AS filled,
  COUNTIF(NOT filled) AS missing,
  COUNTIF(template) AS template,
  COUNTIF(filled) / COUNT(*) AS share
FROM fields
GROUP BY hour, team, profile, field
