-- How complete the archive is now: of every live asset the profiles that its current version was scored for.
WITH newest AS (
  SELECT asset_id, version, profile, present, missing, template
  FROM `{dataset}.metadata_completeness`
  WHERE TRUE
  QUALIFY ROW_NUMBER() OVER (PARTITION BY asset_id, version, profile ORDER BY processed_at DESC) = 1
),
scored AS (
  SELECT live.team, live.asset_id, newest.profile, newest.present, newest.missing, newest.template
  FROM `{dataset}.assets_live` AS live
  CROSS JOIN UNNEST(live.completeness) AS current_profile
  INNER JOIN newest
    ON newest.asset_id = live.asset_id
    AND newest.version = live.version
    AND newest.profile = current_profile.profile
),
states AS (
  SELECT team, profile, asset_id, field, TRUE AS is_filled, FALSE AS is_template
  FROM scored, UNNEST(scored.present) AS field
  UNION ALL
  SELECT team, profile, asset_id, field, FALSE AS is_filled, FALSE AS is_template
  FROM scored, UNNEST(scored.missing) AS field
  UNION ALL
  SELECT team, profile, asset_id, field, FALSE AS is_filled, TRUE AS is_template
  FROM scored, UNNEST(scored.template) AS field
),
fields AS (
  SELECT team, profile, field, asset_id, LOGICAL_OR(is_filled) AS filled, LOGICAL_OR(is_template) AS template
  FROM states
  GROUP BY team, profile, field, asset_id
)
SELECT
  team,
  profile,
  field,
  COUNT(*) AS assets,
  COUNTIF(filled) AS filled,
  COUNTIF(NOT filled) AS missing,
  COUNTIF(template) AS template,
  COUNTIF(filled) / COUNT(*) AS share
FROM fields
GROUP BY team, profile, field
