-- civitai.models: one row per model
-- types: model
-- shapes: list* detail*
-- key: id BIGINT
-- columns:
--   name                   /name                       text
--   description            /description                text
--   type                   /type                       text
--   nsfw                   /nsfw                       bool
--   nsfw_level             /nsfwLevel                  int
--   minor                  /minor                      bool
--   poi                    /poi                        bool
--   mode                   /mode                       text
--   availability           /availability               text
--   status                 /status                     text
--   created_at             /createdAt                  time
--   published_at           /publishedAt                time
--   creator_username       /creator/username           text
--   tags                   /tags                       texts
--   version_ids            /modelVersions              int_stubs
--   download_count         /stats/downloadCount        int
--   thumbs_up_count        /stats/thumbsUpCount        int
--   thumbs_down_count      /stats/thumbsDownCount      int
--   comment_count          /stats/commentCount         int
--   tipped_amount_count    /stats/tippedAmountCount    int
--   favorite_count         /stats/favoriteCount        int
--   rating                 /stats/rating               float
--   rating_count           /stats/ratingCount          int
--   commercial             /allowCommercialUse         json
--   allow_no_credit        /allowNoCredit              bool
--   allow_derivatives      /allowDerivatives           bool
--   allow_different_license  /allowDifferentLicense    bool
--   supports_generation    /supportsGeneration         bool
-- `allow_commercial_use` was a word, then a list, now and then the text "{A,B}"; "None" is
-- the empty list.
SELECT
    * EXCLUDE (commercial),
    CASE
        WHEN commercial IS NULL THEN NULL
        WHEN starts_with(commercial, '[') THEN as_texts(commercial)
        WHEN starts_with(commercial, '{') AND NOT starts_with(commercial, '{"')
            THEN list_filter(string_split(trim(commercial, '{}'), ','), lambda x: x <> '')
        WHEN commercial = 'None' THEN []
        ELSE [commercial]
    END AS allow_commercial_use
FROM event
