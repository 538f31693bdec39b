//! tmp
#[test]
#[ignore = "writes the committed definition"]
fn write() {
    std::fs::write(
        concat!(env!("CARGO_MANIFEST_DIR"), "/yaml/apifleets.yaml"),
        apifleet_crds::yaml().unwrap(),
    )
    .unwrap();
}
