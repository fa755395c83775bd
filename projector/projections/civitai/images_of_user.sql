-- civitai.images_of_user: the images of a user
-- reads: macro
-- takes: of_username
SELECT * FROM civitai.images WHERE lower(username) = lower(of_username)
