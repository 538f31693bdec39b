//! The schema of the stored memory has a place for every field that core stores, and for no other: what has no place
//! is dropped by the API server, and a restarted operator would forget it.

use apifleet_core::Memory;
use apifleet_core::decision::Placement;
use apifleet_core::memory::{
    Change, Guard, Imposed, Interrupted, LastValues, Leaving, Recommendation, Sample, SpotMemory,
    Stance,
};
use apifleet_core::name::Name;
use apifleet_core::overrides::Action;
use apifleet_core::patience::Patience;
use apifleet_core::quantity::Replicas;
use apifleet_core::schedule::lead::{Learned, Measured};
use apifleet_core::schedule::opening::Opening;
use apifleet_crds::Kind;
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

/// The fields of what an object is stored as.
fn fields_of(stored: impl serde::Serialize) -> BTreeSet<String> {
    match serde_json::to_value(stored).unwrap() {
        serde_json::Value::Object(fields) => fields.into_iter().map(|(name, _)| name).collect(),
        other => panic!("{other} is no object"),
    }
}

#[test]
fn every_stored_field_has_its_place_in_the_schema() {
    let definition = serde_json::to_value(apifleet_crds::crd(Kind::ApiFleet).unwrap()).unwrap();
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
        ("/properties/patience", stored::<Patience>()),
        ("/properties/last", stored::<LastValues>()),
        ("/properties/last/properties/requestRate", stored::<Sample>()),
        ("/properties/guard", stored::<Guard>()),
        ("/properties/spot", stored::<SpotMemory>()),
        ("/properties/spot/properties/interruptions/items", stored::<Interrupted>()),
        ("/properties/spot/properties/demand/items", stored::<Sample>()),
        ("/properties/spot/properties/leaving", stored::<Leaving>()),
        ("/properties/learned", stored::<Learned>()),
        ("/properties/learned/properties/pods", stored::<Measured>()),
        ("/properties/learned/properties/nodes", stored::<Measured>()),
        ("/properties/openings/items", stored::<Opening>()),
    ] {
        let fields: BTreeSet<String> = fields.into_iter().map(str::to_owned).collect();
        assert_eq!(places(pointer), fields, "at {pointer:?}");
    }
    // Of the states each has fields of its own.
    let at = jiff::Timestamp::UNIX_EPOCH;
    let stances = [
        Stance::Normal,
        Stance::Covering,
        Stance::Fallback { until: at },
        Stance::Returning { share_percent: 40, stepped_at: at },
    ];
    let fields: BTreeSet<String> = stances.iter().flat_map(fields_of).collect();
    assert_eq!(places("/properties/spot/properties/stance"), fields);
    let name = Name::parse("incident").unwrap();
    let imposed = Imposed { name, action: Action::Pin(Replicas::new(14)) };
    assert_eq!(places("/properties/overrides/items"), fields_of(imposed));
}
