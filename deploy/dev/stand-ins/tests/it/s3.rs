use causeway_stand_ins::s3::{BUCKET, S3};
use reqwest::StatusCode;

#[tokio::test]
async fn an_object_is_listed_and_not_served_without_a_signature() {
    let folder = tempfile::tempdir().unwrap();
    let s3 = S3::start_in(folder.path()).unwrap();
    assert!(s3.keys(BUCKET).unwrap().is_empty());
    std::fs::create_dir(folder.path().join("diaries/a")).unwrap();
    std::fs::write(folder.path().join("diaries/a/picture"), "bytes").unwrap();
    assert_eq!(s3.keys(BUCKET).unwrap(), ["a/picture"]);

    let url = format!("{}/{BUCKET}/a/picture", s3.url());
    assert_eq!(crate::get(&url).await.status(), StatusCode::FORBIDDEN);
}
