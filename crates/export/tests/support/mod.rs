//! Lines to export, and what is in a folder.

use std::path::Path;

use kbgap_export::ProducerError;

/// A producer of lines, one a call, and all of them.
pub(crate) fn lines(
    count: u32,
) -> (
    impl FnMut(&mut Vec<u8>) -> Result<bool, ProducerError> + Send + 'static,
    Vec<u8>,
) {
    let line = |number: u32| {
        let spread = number.wrapping_mul(2_654_435_761);
        format!(
            "{{\"DeviceId\":\"{spread:040x}\",\"SoftwareName\":\"app_{}\",\"CveId\":\"CVE-2025-{number}\"}}\n",
            spread % 97
        )
    };
    let all = (0..count).flat_map(|number| line(number).into_bytes());
    let all = all.collect();
    let mut next = 0;
    let producer = move |out: &mut Vec<u8>| {
        out.extend_from_slice(line(next).as_bytes());
        next += 1;
        Ok(next < count)
    };
    (producer, all)
}

/// The files below a folder, in order.
pub(crate) fn files_in(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let path = path.strip_prefix(folder).unwrap();
                found.push(path.display().to_string());
            }
        }
    }
    found.sort();
    found
}
