//! Images: one static program in one layer, as an archive that containerd imports. No registry is involved.
//!
//! The archive depends on the program alone, so the same program has the same digest each time.

use std::{env::consts, fs, io, path::Path};

use serde_json::json;
use sha2::{Digest, Sha256};

use crate::{
    error::{Because, Error, Result},
    options::Image,
};

/// Whom programs run as.
const USER: &str = "65532:65532";
const PASSWD: &str = "root:x:0:0:root:/:/bin/false\nnonroot:x:65532:65532:nonroot:/:/bin/false\n";
const GROUP: &str = "root:x:0:\nnonroot:x:65532:\n";
/// Names are looked up in /etc/hosts first, then by DNS.
const NAME_SERVICES: &str = "hosts: files dns\n";
/// The largest program.
const LARGEST: u64 = 1 << 30;

/// Packs a program: the bytes of an archive.
pub(crate) fn pack(image: &Image) -> Result<Vec<u8>> {
    let refuse = |problem: &str| Error::Invalid {
        field: "image program",
        value: image.program.display().to_string(),
        problem: problem.into(),
    };
    let Some(name) = image.program.file_name().and_then(|name| name.to_str()) else {
        return Err(refuse("it has no file name"));
    };
    let size = fs::metadata(&image.program).map(|file| file.len());
    match size {
        Err(_) => return Err(refuse("there is no such file; build the program first")),
        Ok(size) if size > LARGEST => return Err(refuse("it is larger than 1 GiB")),
        Ok(_) => {}
    }
    let read = || format!("read {}", image.program.display());
    let program = fs::read(&image.program).because(read)?;
    archive(&image.reference, name, &program).because(|| format!("pack {}", image.reference))
}

fn archive(reference: &str, name: &str, program: &[u8]) -> io::Result<Vec<u8>> {
    let layer = layer(name, program)?;
    let config = json!({
        "architecture": architecture(),
        "os": "linux",
        "config": {
            "Entrypoint": [format!("/{name}")],
            "Env": ["PATH=/"],
            "User": USER,
            "WorkingDir": "/",
        },
        "rootfs": {"type": "layers", "diff_ids": [digest(&layer)]},
        "history": [{"created_by": "apifleet-local"}],
    });
    let config = config.to_string().into_bytes();
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": described("application/vnd.oci.image.config.v1+json", &config),
        "layers": [described("application/vnd.oci.image.layer.v1.tar", &layer)],
    });
    let manifest = manifest.to_string().into_bytes();
    let index = json!({
        "schemaVersion": 2,
        "manifests": [{
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "digest": digest(&manifest),
            "size": manifest.len(),
            "platform": {"architecture": architecture(), "os": "linux"},
            "annotations": {"io.containerd.image.name": reference},
        }],
    });

    let mut tar = tar::Builder::new(Vec::new());
    add(&mut tar, "oci-layout", br#"{"imageLayoutVersion":"1.0.0"}"#, 0o644)?;
    add(&mut tar, "index.json", index.to_string().as_bytes(), 0o644)?;
    for blob in [&layer, &config, &manifest] {
        let path = format!("blobs/sha256/{}", hex(&Sha256::digest(blob)));
        add(&mut tar, &path, blob, 0o644)?;
    }
    tar.into_inner()
}

fn layer(name: &str, program: &[u8]) -> io::Result<Vec<u8>> {
    let mut tar = tar::Builder::new(Vec::with_capacity(program.len() + 16 * 1024));
    for (directory, mode) in
        [("etc", 0o755), ("tmp", 0o1777), ("proc", 0o755), ("sys", 0o755), ("dev", 0o755)]
    {
        let mut header = header(0, mode);
        header.set_entry_type(tar::EntryType::Directory);
        tar.append_data(&mut header, format!("{directory}/"), io::empty())?;
    }
    add(&mut tar, "etc/passwd", PASSWD.as_bytes(), 0o644)?;
    add(&mut tar, "etc/group", GROUP.as_bytes(), 0o644)?;
    add(&mut tar, "etc/nsswitch.conf", NAME_SERVICES.as_bytes(), 0o644)?;
    add(&mut tar, name, program, 0o755)?;
    tar.into_inner()
}

fn add(tar: &mut tar::Builder<Vec<u8>>, path: &str, data: &[u8], mode: u32) -> io::Result<()> {
    tar.append_data(&mut header(data.len() as u64, mode), Path::new(path), data)
}

fn header(size: u64, mode: u32) -> tar::Header {
    let mut header = tar::Header::new_ustar();
    header.set_size(size);
    header.set_mode(mode);
    header.set_mtime(0);
    header.set_uid(0);
    header.set_gid(0);
    header
}

fn described(kind: &str, blob: &[u8]) -> serde_json::Value {
    json!({"mediaType": kind, "digest": digest(blob), "size": blob.len()})
}

fn digest(blob: &[u8]) -> String {
    format!("sha256:{}", hex(&Sha256::digest(blob)))
}

/// Bytes as lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]).map(digit).collect()
}

fn digit(value: u8) -> char {
    char::from_digit(value.into(), 16).unwrap_or('0')
}

fn architecture() -> &'static str {
    match consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, io::Read};

    use super::*;

    fn files(bytes: &[u8]) -> BTreeMap<String, (u32, Vec<u8>)> {
        let mut archive = tar::Archive::new(bytes);
        let entries = archive.entries().unwrap().map(|entry| {
            let mut entry = entry.unwrap();
            let path = entry.path().unwrap().display().to_string();
            let mut data = Vec::new();
            entry.read_to_end(&mut data).unwrap();
            (path, (entry.header().mode().unwrap(), data))
        });
        entries.collect()
    }

    #[test]
    fn every_digest_in_the_archive_is_that_of_its_blob() {
        let archive = archive("localhost/x:dev", "x", b"program").unwrap();
        let files = files(&archive);
        let index: serde_json::Value = serde_json::from_slice(&files["index.json"].1).unwrap();
        let entry = &index["manifests"][0];
        let manifest = entry["digest"].as_str().unwrap().strip_prefix("sha256:").unwrap();
        assert!(files.contains_key(&format!("blobs/sha256/{manifest}")));
        assert_eq!(entry["annotations"]["io.containerd.image.name"], "localhost/x:dev");
        let blobs = files.iter().filter_map(|(path, file)| {
            path.strip_prefix("blobs/sha256/").map(|name| (name.to_owned(), &file.1))
        });
        let blobs: Vec<_> = blobs.collect();
        assert_eq!(blobs.len(), 3);
        for (name, blob) in blobs {
            assert_eq!(name, hex(&Sha256::digest(blob)));
        }
    }

    #[test]
    fn the_layer_holds_the_program_and_a_user_to_run_it() {
        let files = files(&layer("x", b"program").unwrap());
        assert_eq!(files["x"], (0o755, b"program".to_vec()));
        assert!(String::from_utf8_lossy(&files["etc/passwd"].1).contains("65532"));
        assert_eq!(files["tmp/"].0, 0o1777);
    }

    #[test]
    fn the_same_program_makes_the_same_image_and_another_makes_another() {
        let one = archive("r", "x", b"program").unwrap();
        assert_eq!(one, archive("r", "x", b"program").unwrap());
        assert_ne!(one, archive("r", "x", b"progran").unwrap());
    }

    #[test]
    fn a_program_that_does_not_exist_is_refused_with_the_next_step() {
        let image = Image { reference: "r".into(), program: "/nowhere/x".into() };
        let message = pack(&image).unwrap_err().to_string();
        assert!(message.contains("/nowhere/x") && message.contains("build"), "{message}");
    }

    #[test]
    fn bytes_become_hexadecimal_digits() {
        assert_eq!(hex(&[0, 15, 16, 255]), "000f10ff");
    }
}
