//! The schema of the stored memory has a place for every field that core stores, and for no other: what has no place
//! is dropped by the API server, and a restarted operator would forget it.

use apifleet_core::Memory;
use apifleet_core::decision::Placement;
use apifleet_core::memory::{Change, Guard, LastValues, Recommendation, Sample};
use serde::de::value::Error;
use serde::de::{Deserialize, Deserializer, Error as _, Visitor};
use serde::forward_to_deserialize_any;
use std::collections::BTreeSet;

/// Notes the fields that a struct asks for, and gives none.
struct Fields<'a>(&'a mut BTreeSet<&'static str>);

impl<'de> Deserializer<'de> for Fields<'_> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Error> {
        Err(Error::custom("not a struct"))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Error> {
        self.0.extend(fields);
        Err(Error::custom("only the names are wanted"))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit
        unit_struct newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

fn stored<T: for<'de> Deserialize<'de>>() -> BTreeSet<&'static str> {
    let mut fields = BTreeSet::new();
    T::deserialize(Fields(&mut fields)).err().expect("no value was given");
    assert!(!fields.is_empty());
    fields
}

#[test]
fn every_stored_field_has_its_place_in_the_schema() {
    let definition = serde_json::to_value(apifleet_crds::crd().unwrap()).unwrap();
    let schema = &definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
    let memory = &schema["properties"]["status"]["properties"]["memory"];
    let places = |pointer: &str| -> BTreeSet<String> {
        let schema = memory.pointer(pointer).unwrap_or_else(|| panic!("no schema at {pointer}"));
        schema["properties"].as_object().unwrap().keys().cloned().collect()
    };
    for (pointer, fields) in [
        ("", stored::<Memory>()),
        ("/properties/placement", stored::<Placement>()),
        ("/properties/highs/items", stored::<Recommendation>()),
        ("/properties/lows/items", stored::<Recommendation>()),
        ("/properties/changes/items", stored::<Change>()),
        ("/properties/last", stored::<LastValues>()),
        ("/properties/last/properties/requestRate", stored::<Sample>()),
        ("/properties/guard", stored::<Guard>()),
    ] {
        let fields: BTreeSet<String> = fields.into_iter().map(str::to_owned).collect();
        assert_eq!(places(pointer), fields, "at {pointer:?}");
    }
}
