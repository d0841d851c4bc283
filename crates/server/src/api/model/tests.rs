//! The model against Microsoft's own metadata.

use kbgap_odata::csdl;

use super::*;

#[test]
fn what_is_declared_is_what_microsoft_declares() {
    let path = kbgap_corpus::folder().join("mde-metadata.xml");
    let theirs = std::fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("{}: {error}; set KBGAP_CORPUS", path.display()));
    let model = Model::new().unwrap();
    let differences = csdl::differences(&model.schema, &theirs).unwrap();
    let told: Vec<String> = differences
        .iter()
        .filter(|difference| !difference.is_left_out())
        .map(ToString::to_string)
        .collect();
    assert_eq!(told, [""; 0]);
}
