# SPDX-License-Identifier: GPL-3.0-or-later
"""Properties saved with a scene and its objects. Tooltips say what one will see."""

from typing import Any

import bpy
from bpy.props import (
    BoolProperty,
    CollectionProperty,
    EnumProperty,
    FloatProperty,
    IntProperty,
    PointerProperty,
    StringProperty,
)

from controller_server.physics.engines import BUILT_IN

from ..blender import takes
from ..blender.compat import slot_for
from ..blender.stash import set_amount
from .core_settings import STEPS, limit_properties
from .preferences import QUALITIES, preferences
from .presets import RECIPIENTS
from .session import warm_up

_CONTROLLERS = (
    ("auto", "Automatic", "The most physical way that carries the clip to its end"),
    ("policy", "Trained", "A trained controller alone: at once, but only for motion like what it was trained on"),
    ("search-policy", "Trained + search", "A search around a trained controller: slower, holds on longer"),
    ("search", "Search", "No training, no outside help; some seconds for every second of clip"),
    ("assisted", "Assisted", "An outside hand on the pelvis helps as little as it can; shown frame by frame"),
)


def _is_armature(_: Any, obj: Any) -> bool:
    return obj.type == "ARMATURE"


def _people_changed(settings: Any, _: Any) -> None:
    if settings.supporter is not None and settings.recipient is not None:
        if not settings.is_property_set("quality"):
            settings.quality = preferences().quality
        warm_up()


def _amount_changed(settings: Any, _: Any) -> None:
    take = settings.shown_take
    if take is None:
        return
    for person in takes.people_of(take):
        slot = slot_for(person.source, person.source_slot) if person.source else None
        set_amount(person.obj, person.source, slot, settings.amount)


def _percent(name: str, description: str, low: float, high: float, default: float = 100.0) -> Any:
    return FloatProperty(
        name=name,
        description=description,
        default=default,
        min=low,
        max=high,
        soft_max=min(high, 150),
        subtype="PERCENTAGE",
        precision=0,
    )


def _switch(name: str, description: str, default: bool = True) -> Any:
    return BoolProperty(name=name, description=description, default=default)


class TakePerson(bpy.types.PropertyGroup):
    """One character in a take."""

    obj: PointerProperty(type=bpy.types.Object)
    source: PointerProperty(type=bpy.types.Action)
    source_slot: StringProperty()
    action: PointerProperty(type=bpy.types.Action)
    slot: StringProperty()


class Take(bpy.types.PropertyGroup):
    """One result."""

    job: StringProperty()
    state: EnumProperty(items=(("REVIEW", "In review", ""), ("ACCEPTED", "Accepted", "")), default="REVIEW")
    seed: StringProperty()
    controller: StringProperty()
    success: BoolProperty()
    first: IntProperty()
    start: IntProperty()
    end: IntProperty()
    ground: FloatProperty()
    metres: FloatProperty(default=1.0, description="Metres per unit of the scene")
    meta: StringProperty()
    supporter: PointerProperty(type=TakePerson)
    recipient: PointerProperty(type=TakePerson)


class ObjectSettings(bpy.types.PropertyGroup):
    """Role of an object in a simulation."""

    is_prop: BoolProperty(name="Prop", description="Its bounding box is furniture in the simulation: it does not move")
    grip_left: FloatProperty(
        name="Left grip",
        description="How much this character's left hand holds the other, where grips are keyed",
        min=0,
        max=1,
        subtype="FACTOR",
        options={"ANIMATABLE"},
    )
    grip_right: FloatProperty(
        name="Right grip",
        description="How much this character's right hand holds the other, where grips are keyed",
        min=0,
        max=1,
        subtype="FACTOR",
        options={"ANIMATABLE"},
    )


class SuccessLimits(bpy.types.PropertyGroup):
    """What a result has to keep to, as the core has it; other limits than these are printed beside the verdict."""

    __annotations__ = {
        name: (IntProperty if isinstance(values["default"], int) else FloatProperty)(**values)
        for name, values in limit_properties().items()
    }


class _Steps:
    """Steps of preparing, each with a switch."""

    __annotations__ = {name: _switch(label, text) for name, (_, label, text) in STEPS.items()}


class SceneSettings(_Steps, bpy.types.PropertyGroup):
    """Characters, parameters and results of a scene."""

    supporter: PointerProperty(
        type=bpy.types.Object,
        poll=_is_armature,
        update=_people_changed,
        name="Supporter",
        description="The armature of who helps",
    )
    recipient: PointerProperty(
        type=bpy.types.Object,
        poll=_is_armature,
        update=_people_changed,
        name="Recipient",
        description="The armature of who is helped",
    )
    bone_mapping: StringProperty(
        name="Bone mapping",
        description="YAML or JSON file that names this rig's bones; empty for all rigs that are known",
        subtype="FILE_PATH",
    )
    recipient_kind: EnumProperty(
        name="Recipient",
        description="How weak the recipient is",
        items=(
            ("FACTOR", "By factor", "All muscles weaker or stronger by the same factor"),
            *((name, label, text) for name, (label, text) in RECIPIENTS.items()),
        ),
    )
    recipient_strength: _percent("Strength", "Below 60 % they sag and have to be lifted", 5, 200)
    recipient_mass: _percent("Weight", "Heavier recipients pull the supporter down and forward", 20, 300)
    supporter_strength: _percent("Strength", "A weak supporter buckles under the recipient's weight", 5, 200)
    supporter_mass: _percent("Weight", "A heavy supporter gives way less", 20, 300)
    grips: EnumProperty(
        name="Grips",
        description="When hands hold the other person",
        items=(
            # Files keep the numbers, so that new entries get new ones.
            ("AUTO", "Automatic", "A hand holds while it stays near the other and moves along", 0),
            ("KEYED", "Keyed per hand", "The grip channels keyed on the two armatures", 1),
            ("FINGERS", "Closed fingers", "A hand holds while its fingers are closed near the other", 3),
            ("PROXIMITY", "Near hands", "A hand holds while it stays near and moves along, whatever its fingers do", 4),
            ("OFF", "Off", "Hands slide off: nobody can be pulled, only pushed and carried", 2),
        ),
    )
    grip_force: FloatProperty(
        name="Grip force",
        description="What one hand holds before it slips [N]; 450 is as much as a human hand can",
        default=300,
        min=0,
        max=450,
        precision=0,
    )
    ground: FloatProperty(
        name="Ground", description="Height of the floor they stand on", default=0, unit="LENGTH", subtype="DISTANCE"
    )
    frames: EnumProperty(
        name="Frames",
        description="Which frames are simulated",
        items=(
            ("SCENE", "Scene", "The scene's start to end"),
            ("PREVIEW", "Preview range", "The preview range where it is on, else the scene's"),
            ("ACTION", "Actions", "Where both characters have keys"),
            ("CUSTOM", "Custom", "From and to as given"),
        ),
    )
    frame_start: IntProperty(name="From", default=1)
    frame_end: IntProperty(name="To", default=100)
    pre_roll: IntProperty(
        name="Pre-roll",
        description="Frames before the range that are simulated as well, not written",
        min=0,
    )
    blend_in: IntProperty(
        name="Blend in", description="Frames over which the keyed motion gives way to the simulated one", min=0
    )
    blend_out: IntProperty(
        name="Blend out", description="Frames over which the simulated motion gives way to the keyed one", min=0
    )
    controller: EnumProperty(name="Controller", description="Who steers the muscles", items=_CONTROLLERS)
    policy: StringProperty(
        name="Policy",
        description="Trained policy to use, by its name on the server; empty for the one that was trained on this clip",
    )
    quality: EnumProperty(
        name="Quality",
        description="How long the search thinks",
        items=QUALITIES,
    )
    hands: EnumProperty(
        name="Hands",
        description="How much of the hands is simulated",
        items=(
            ("mitten", "Mittens", "Fingers keep their keys, the hand holds as a whole"),
            ("full", "All fingers", "Fingers are simulated as well; takes longer"),
        ),
    )
    seed: IntProperty(name="Seed", description="Another seed, another way to carry it out", min=0)
    cutoff_hz: FloatProperty(
        name="Low-pass [Hz]",
        description="Smoothing keeps what is slower; quick human motion needs 6 to 8",
        default=7,
        min=1,
        max=120,
        soft_max=15,
        precision=1,
    )
    remove_supporter: _switch(
        "Without supporter", "Simulate the recipient alone, to see how much the help is worth", default=False
    )
    engine: StringProperty(
        name="Engine", description="What simulates, by its name on the server; empty for MuJoCo", default=BUILT_IN
    )
    limits: PointerProperty(type=SuccessLimits)
    takes: CollectionProperty(type=Take)
    take_index: IntProperty(name="Take", default=-1)
    amount: FloatProperty(
        name="Physics amount",
        description="0 shows the original, 1 the simulated motion, between them a mixture",
        default=1,
        min=0,
        max=1,
        subtype="FACTOR",
        update=_amount_changed,
    )
    ghost_place: EnumProperty(
        name="Where",
        description="Where the original is shown",
        items=(("BESIDE", "Beside", "At the side where the sidebar is not"), ("OVER", "Over", "In the same place")),
    )
    ghost_offset: FloatProperty(
        name="Offset", description="How far beside the result the original is shown", default=1.5, unit="LENGTH"
    )
    pending: StringProperty(description="Job that was handed in and not fetched yet, as JSON")
    show_contacts: _switch("Contacts", "Points where people and floor touch, arrows as long as the force")
    show_balance: _switch("Balance", "Centre of mass with a line to the floor, and the area the feet span")
    arrow_scale: FloatProperty(
        name="Arrow length", description="Metres of arrow for 1000 N", default=0.5, min=0.01, soft_max=3
    )

    @property
    def shown_take(self) -> Any:
        """The take both characters play, or None."""
        return next((take for take in self.takes if takes.is_shown(take)), None)


CLASSES = (TakePerson, Take, ObjectSettings, SuccessLimits, SceneSettings)


def register() -> None:
    """Make the properties known."""
    for cls in CLASSES:
        bpy.utils.register_class(cls)
    bpy.types.Scene.assistmimic = PointerProperty(type=SceneSettings)
    bpy.types.Object.assistmimic = PointerProperty(type=ObjectSettings)


def unregister() -> None:
    """Forget them; what is saved in files stays there."""
    del bpy.types.Object.assistmimic
    del bpy.types.Scene.assistmimic
    for cls in reversed(CLASSES):
        bpy.utils.unregister_class(cls)
