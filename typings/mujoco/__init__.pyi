"""Types of MuJoCo 3.17, those used here. Written by tools/mujoco_stubs.py; do not edit."""

from typing import Any, Generic, SupportsFloat, SupportsIndex, SupportsInt, TypeVar, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

_Int = SupportsInt | SupportsIndex
_Float = SupportsFloat | SupportsIndex
_Read = TypeVar("_Read")
_Scalar = TypeVar("_Scalar", bound=np.generic)

class _Number(Generic[_Read]):
    def __get__(self, instance: object, owner: object = ...) -> _Read: ...
    def __set__(self, instance: object, value: _Int) -> None: ...

class _Array(Generic[_Scalar]):
    def __get__(self, instance: object, owner: object = ...) -> NDArray[_Scalar]: ...
    def __set__(self, instance: object, value: ArrayLike) -> None: ...

class MjContact:
    def __init__(self) -> None: ...
    adhesion: float
    dist: float
    efc_address: _Number[int]
    frame: _Array[np.float64]
    friction: _Array[np.float64]
    geom: _Array[np.int32]
    pos: _Array[np.float64]
    solimp: _Array[np.float64]
    solref: _Array[np.float64]

class MjData:
    def __init__(self, arg0: MjModel) -> None: ...
    @overload
    def actuator(self, arg0: _Int) -> _MjDataActuatorViews: ...
    @overload
    def actuator(self, name: str = ...) -> _MjDataActuatorViews: ...
    bind: Any
    @overload
    def body(self, arg0: _Int) -> _MjDataBodyViews: ...
    @overload
    def body(self, name: str = ...) -> _MjDataBodyViews: ...
    contact: _MjContactList
    ctrl: _Array[np.float64]
    efc_force: NDArray[np.float64]
    @overload
    def geom(self, arg0: _Int) -> _MjDataGeomViews: ...
    @overload
    def geom(self, name: str = ...) -> _MjDataGeomViews: ...
    geom_xpos: _Array[np.float64]
    @overload
    def joint(self, arg0: _Int) -> _MjDataJointViews: ...
    @overload
    def joint(self, name: str = ...) -> _MjDataJointViews: ...
    model: MjModel
    ncon: _Number[int]
    qfrc_actuator: _Array[np.float64]
    qfrc_bias: _Array[np.float64]
    qfrc_passive: _Array[np.float64]
    qpos: _Array[np.float64]
    qvel: _Array[np.float64]
    @overload
    def sensor(self, arg0: _Int) -> _MjDataSensorViews: ...
    @overload
    def sensor(self, name: str = ...) -> _MjDataSensorViews: ...
    subtree_angmom: _Array[np.float64]
    subtree_com: _Array[np.float64]
    time: float
    warning: _MjWarningStatList
    xmat: _Array[np.float64]
    xpos: _Array[np.float64]

class MjModel:
    __init__: Any
    @overload
    def actuator(self, arg0: _Int) -> _MjModelActuatorViews: ...
    @overload
    def actuator(self, name: str = ...) -> _MjModelActuatorViews: ...
    actuator_biasprm: _Array[np.float64]
    actuator_forcelimited: _Array[np.bool_]
    actuator_forcerange: _Array[np.float64]
    actuator_gainprm: _Array[np.float64]
    bind: Any
    @overload
    def body(self, arg0: _Int) -> _MjModelBodyViews: ...
    @overload
    def body(self, name: str = ...) -> _MjModelBodyViews: ...
    body_inertia: _Array[np.float64]
    body_mass: _Array[np.float64]
    body_parentid: _Array[np.int32]
    body_pos: _Array[np.float64]
    body_rootid: _Array[np.int32]
    body_subtreemass: _Array[np.float64]
    body_weldid: _Array[np.int32]
    dof_damping: _Array[np.float64]
    dof_jntid: _Array[np.int32]
    @overload
    def geom(self, arg0: _Int) -> _MjModelGeomViews: ...
    @overload
    def geom(self, name: str = ...) -> _MjModelGeomViews: ...
    geom_bodyid: _Array[np.int32]
    geom_friction: _Array[np.float64]
    geom_margin: _Array[np.float64]
    geom_rbound: _Array[np.float64]
    jnt_limited: _Array[np.bool_]
    jnt_type: _Array[np.int32]
    @overload
    def joint(self, arg0: _Int) -> _MjModelJointViews: ...
    @overload
    def joint(self, name: str = ...) -> _MjModelJointViews: ...
    nbody: int
    ngeom: int
    nq: int
    nu: int
    nv: int
    opt: MjOption
    @overload
    def pair(self, arg0: _Int) -> _MjModelPairViews: ...
    @overload
    def pair(self, name: str = ...) -> _MjModelPairViews: ...
    qpos0: _Array[np.float64]
    @overload
    def sensor(self, arg0: _Int) -> _MjModelSensorViews: ...
    @overload
    def sensor(self, name: str = ...) -> _MjModelSensorViews: ...
    stat: Any

class MjOption:
    def __init__(self) -> None: ...
    cone: _Number[int]
    disableflags: _Number[int]
    gravity: _Array[np.float64]
    impratio: float
    integrator: _Number[int]
    jacobian: _Number[int]
    timestep: float
    tolerance: float

class MjSpec:
    def __init__(self) -> None: ...
    def actuator(self, arg0: str) -> MjsActuator: ...
    actuators: list[Any]
    def add_actuator(
        self,
        default: MjsDefault | None = ...,
        *,
        name: str | None = ...,
        type: _Int | None = ...,
        gaintype: _Int | None = ...,
        gainprm: ArrayLike | None = ...,
        biastype: _Int | None = ...,
        biasprm: ArrayLike | None = ...,
        trntype: _Int | None = ...,
        gear: ArrayLike | None = ...,
        target: str | None = ...,
        armature: _Float | None = ...,
        ctrllimited: _Int | None = ...,
        ctrlrange: ArrayLike | None = ...,
        forcelimited: _Int | None = ...,
        forcerange: ArrayLike | None = ...,
    ) -> MjsActuator: ...
    def add_sensor(
        self,
        name: str | None = ...,
        *,
        type: _Int | None = ...,
        objtype: _Int | None = ...,
        objname: str | None = ...,
        reftype: _Int | None = ...,
        refname: str | None = ...,
        intprm: ArrayLike | None = ...,
        datatype: _Int | None = ...,
        needstage: _Int | None = ...,
    ) -> MjsSensor: ...
    bodies: list[Any]
    def body(self, arg0: str) -> MjsBody: ...
    def compile(self) -> Any: ...
    def copy(self) -> MjSpec: ...
    default: MjsDefault
    def encode(self, filename: str, *, model: Any | None = ...) -> int: ...
    def frame(self, arg0: str) -> MjsFrame: ...
    frames: list[Any]
    def geom(self, arg0: str) -> MjsGeom: ...
    geoms: list[Any]
    def joint(self, arg0: str) -> MjsJoint: ...
    joints: list[Any]
    modelname: str
    option: MjOption
    def pair(self, arg0: str) -> MjsPair: ...
    pairs: list[Any]
    parent: MjSpec
    def sensor(self, arg0: str) -> MjsSensor: ...
    sensors: list[Any]
    stat: MjStatistic
    visual: MjVisual
    worldbody: MjsBody

class MjStatistic:
    def __init__(self) -> None: ...

class MjVisual:
    __init__: Any
    global_: Any
    rgba: Any

class MjWarningStat:
    def __init__(self) -> None: ...

class MjsActuator:
    __init__: Any
    armature: float
    biasprm: _Array[np.float64]
    biastype: _Number[mjtBias]
    ctrllimited: _Number[mjtLimited]
    ctrlrange: _Array[np.float64]
    forcelimited: _Number[mjtLimited]
    forcerange: _Array[np.float64]
    gainprm: _Array[np.float64]
    gaintype: _Number[mjtGain]
    gear: _Array[np.float64]
    id: int
    name: str
    target: str
    trntype: _Number[mjtTrn]
    type: _Number[mjtActuator]

class MjsBody:
    __init__: Any
    def add_body(
        self,
        default: MjsDefault | None = ...,
        *,
        name: str | None = ...,
        pos: ArrayLike | None = ...,
        quat: ArrayLike | None = ...,
        mass: _Float | None = ...,
    ) -> MjsBody: ...
    def add_freejoint(self, **kwargs) -> MjsJoint: ...
    def add_geom(
        self,
        default: MjsDefault | None = ...,
        *,
        name: str | None = ...,
        type: _Int | None = ...,
        pos: ArrayLike | None = ...,
        quat: ArrayLike | None = ...,
        size: Any | None = ...,
        contype: _Int | None = ...,
        conaffinity: _Int | None = ...,
        condim: _Int | None = ...,
        friction: ArrayLike | None = ...,
        solref: ArrayLike | None = ...,
        solimp: ArrayLike | None = ...,
        margin: _Float | None = ...,
        gap: _Float | None = ...,
        adhesion: _Float | None = ...,
        mass: _Float | None = ...,
        rgba: ArrayLike | None = ...,
    ) -> MjsGeom: ...
    def add_joint(
        self,
        default: MjsDefault | None = ...,
        *,
        name: str | None = ...,
        type: _Int | None = ...,
        pos: ArrayLike | None = ...,
        axis: ArrayLike | None = ...,
        stiffness: Any | None = ...,
        limited: _Int | None = ...,
        margin: _Float | None = ...,
        armature: _Float | None = ...,
    ) -> MjsJoint: ...
    bodies: list[Any]
    frame: MjsFrame
    frames: list[Any]
    geoms: list[Any]
    id: int
    joints: list[Any]
    mass: float
    name: str
    parent: MjsBody
    pos: _Array[np.float64]
    quat: _Array[np.float64]

class MjsDefault:
    __init__: Any
    actuator: MjsActuator
    geom: MjsGeom
    joint: MjsJoint
    name: str
    pair: MjsPair

class MjsFrame:
    __init__: Any
    def add_body(
        self,
        default: MjsDefault | None = ...,
        *,
        name: str | None = ...,
        pos: ArrayLike | None = ...,
        quat: ArrayLike | None = ...,
        mass: _Float | None = ...,
    ) -> MjsBody: ...
    def add_geom(
        self,
        default: MjsDefault | None = ...,
        *,
        name: str | None = ...,
        type: _Int | None = ...,
        pos: ArrayLike | None = ...,
        quat: ArrayLike | None = ...,
        size: Any | None = ...,
        contype: _Int | None = ...,
        conaffinity: _Int | None = ...,
        condim: _Int | None = ...,
        friction: ArrayLike | None = ...,
        solref: ArrayLike | None = ...,
        solimp: ArrayLike | None = ...,
        margin: _Float | None = ...,
        gap: _Float | None = ...,
        adhesion: _Float | None = ...,
        mass: _Float | None = ...,
        rgba: ArrayLike | None = ...,
    ) -> MjsGeom: ...
    def add_joint(
        self,
        default: MjsDefault | None = ...,
        *,
        name: str | None = ...,
        type: _Int | None = ...,
        pos: ArrayLike | None = ...,
        axis: ArrayLike | None = ...,
        stiffness: Any | None = ...,
        limited: _Int | None = ...,
        margin: _Float | None = ...,
        armature: _Float | None = ...,
    ) -> MjsJoint: ...
    frame: MjsFrame
    id: int
    name: str
    parent: MjsBody
    pos: _Array[np.float64]
    quat: _Array[np.float64]

class MjsGeom:
    __init__: Any
    adhesion: float
    conaffinity: _Number[int]
    condim: _Number[int]
    contype: _Number[int]
    frame: MjsFrame
    friction: _Array[np.float64]
    gap: float
    id: int
    margin: float
    mass: float
    name: str
    parent: MjsBody
    pos: _Array[np.float64]
    quat: _Array[np.float64]
    rgba: _Array[np.float32]
    size: _Array[np.float64]
    solimp: _Array[np.float64]
    solref: _Array[np.float64]
    type: _Number[mjtGeom]

class MjsJoint:
    __init__: Any
    armature: float
    axis: _Array[np.float64]
    frame: MjsFrame
    id: int
    limited: _Number[mjtLimited]
    margin: float
    name: str
    parent: MjsBody
    pos: _Array[np.float64]
    stiffness: _Array[np.float64]
    type: _Number[mjtJoint]

class MjsPair:
    __init__: Any
    adhesion: float
    condim: _Number[int]
    friction: _Array[np.float64]
    gap: float
    id: int
    margin: float
    name: str
    solimp: _Array[np.float64]
    solref: _Array[np.float64]

class MjsSensor:
    __init__: Any
    datatype: _Number[mjtDataType]
    id: int
    intprm: _Array[np.int32]
    name: str
    needstage: _Number[mjtStage]
    objname: str
    objtype: _Number[mjtObj]
    refname: str
    reftype: _Number[mjtObj]
    type: _Number[mjtSensor]

class _MjContactList:
    @overload
    def __getitem__(self, arg0: _Int) -> MjContact: ...
    @overload
    def __getitem__(self, arg0: slice) -> _MjContactList: ...
    __init__: Any
    def __len__(self) -> int: ...
    adhesion: NDArray[np.float64]
    dist: NDArray[np.float64]
    efc_address: NDArray[np.int32]
    frame: NDArray[np.float64]
    friction: NDArray[np.float64]
    geom: NDArray[np.int32]
    pos: NDArray[np.float64]
    solimp: NDArray[np.float64]
    solref: NDArray[np.float64]

class _MjDataActuatorViews:
    __init__: Any
    ctrl: _Array[np.float64]
    force: _Array[np.float64]
    id: int
    name: str

class _MjDataBodyViews:
    __init__: Any
    id: int
    name: str
    subtree_angmom: _Array[np.float64]
    subtree_com: _Array[np.float64]
    xmat: _Array[np.float64]
    xpos: _Array[np.float64]

class _MjDataGeomViews:
    __init__: Any
    id: int
    name: str
    xmat: _Array[np.float64]
    xpos: _Array[np.float64]

class _MjDataJointViews:
    __init__: Any
    id: int
    name: str
    qfrc_actuator: _Array[np.float64]
    qfrc_bias: _Array[np.float64]
    qfrc_passive: _Array[np.float64]
    qpos: _Array[np.float64]
    qvel: _Array[np.float64]

class _MjDataSensorViews:
    __init__: Any
    data: _Array[np.float64]
    id: int
    name: str

class _MjModelActuatorViews:
    __init__: Any
    biasprm: _Array[np.float64]
    biastype: _Array[np.int32]
    ctrllimited: _Array[np.uint8]
    ctrlrange: _Array[np.float64]
    forcelimited: _Array[np.uint8]
    forcerange: _Array[np.float64]
    gainprm: _Array[np.float64]
    gaintype: _Array[np.int32]
    gear: _Array[np.float64]
    id: int
    name: str
    trntype: _Array[np.int32]

class _MjModelBodyViews:
    __init__: Any
    dofadr: _Array[np.int32]
    id: int
    mass: _Array[np.float64]
    name: str
    pos: _Array[np.float64]
    quat: _Array[np.float64]

class _MjModelGeomViews:
    __init__: Any
    conaffinity: _Array[np.int32]
    condim: _Array[np.int32]
    contype: _Array[np.int32]
    friction: _Array[np.float64]
    gap: _Array[np.float64]
    id: int
    margin: _Array[np.float64]
    name: str
    pos: _Array[np.float64]
    quat: _Array[np.float64]
    rgba: _Array[np.float32]
    size: _Array[np.float64]
    solimp: _Array[np.float64]
    solref: _Array[np.float64]
    type: _Array[np.int32]

class _MjModelJointViews:
    __init__: Any
    armature: _Array[np.float64]
    axis: _Array[np.float64]
    dofadr: _Array[np.int32]
    id: int
    limited: _Array[np.uint8]
    margin: _Array[np.float64]
    name: str
    pos: _Array[np.float64]
    qpos0: _Array[np.float64]
    qposadr: _Array[np.int32]
    solimp: _Array[np.float64]
    solref: _Array[np.float64]
    stiffness: _Array[np.float64]
    type: _Array[np.int32]

class _MjModelPairViews:
    __init__: Any
    friction: _Array[np.float64]
    gap: _Array[np.float64]
    id: int
    margin: _Array[np.float64]
    name: str
    solimp: _Array[np.float64]
    solref: _Array[np.float64]

class _MjModelSensorViews:
    __init__: Any
    adr: _Array[np.int32]
    datatype: _Array[np.int32]
    id: int
    name: str
    needstage: _Array[np.int32]
    objtype: _Array[np.int32]
    reftype: _Array[np.int32]
    type: _Array[np.int32]

class _MjWarningStatList:
    @overload
    def __getitem__(self, arg0: _Int) -> MjWarningStat: ...
    @overload
    def __getitem__(self, arg0: mjtWarning) -> MjWarningStat: ...
    @overload
    def __getitem__(self, arg0: slice) -> _MjWarningStatList: ...
    __init__: Any
    def __len__(self) -> int: ...

class mjtActuator:
    value: int
    def __init__(self, value: int) -> None: ...
    def __int__(self) -> int: ...
    def __index__(self) -> int: ...
    def __or__(self, other: int) -> int: ...
    def __ror__(self, other: int) -> int: ...
    def __and__(self, other: int) -> int: ...
    def __rand__(self, other: int) -> int: ...

class mjtBias:
    value: int
    def __init__(self, value: int) -> None: ...
    def __int__(self) -> int: ...
    def __index__(self) -> int: ...
    def __or__(self, other: int) -> int: ...
    def __ror__(self, other: int) -> int: ...
    def __and__(self, other: int) -> int: ...
    def __rand__(self, other: int) -> int: ...
    mjBIAS_NONE: mjtBias
    mjBIAS_AFFINE: mjtBias

class mjtCone:
    value: int
    def __init__(self, value: int) -> None: ...
    def __int__(self) -> int: ...
    def __index__(self) -> int: ...
    def __or__(self, other: int) -> int: ...
    def __ror__(self, other: int) -> int: ...
    def __and__(self, other: int) -> int: ...
    def __rand__(self, other: int) -> int: ...
    mjCONE_PYRAMIDAL: mjtCone
    mjCONE_ELLIPTIC: mjtCone

class mjtDataType:
    value: int
    def __init__(self, value: int) -> None: ...
    def __int__(self) -> int: ...
    def __index__(self) -> int: ...
    def __or__(self, other: int) -> int: ...
    def __ror__(self, other: int) -> int: ...
    def __and__(self, other: int) -> int: ...
    def __rand__(self, other: int) -> int: ...
    mjDATATYPE_REAL: mjtDataType

class mjtDisableBit:
    value: int
    def __init__(self, value: int) -> None: ...
    def __int__(self) -> int: ...
    def __index__(self) -> int: ...
    def __or__(self, other: int) -> int: ...
    def __ror__(self, other: int) -> int: ...
    def __and__(self, other: int) -> int: ...
    def __rand__(self, other: int) -> int: ...
    mjDSBL_AUTORESET: mjtDisableBit

class mjtGain:
    value: int
    def __init__(self, value: int) -> None: ...
    def __int__(self) -> int: ...
    def __index__(self) -> int: ...
    def __or__(self, other: int) -> int: ...
    def __ror__(self, other: int) -> int: ...
    def __and__(self, other: int) -> int: ...
    def __rand__(self, other: int) -> int: ...
    mjGAIN_FIXED: mjtGain

class mjtGeom:
    value: int
    def __init__(self, value: int) -> None: ...
    def __int__(self) -> int: ...
    def __index__(self) -> int: ...
    def __or__(self, other: int) -> int: ...
    def __ror__(self, other: int) -> int: ...
    def __and__(self, other: int) -> int: ...
    def __rand__(self, other: int) -> int: ...
    mjGEOM_PLANE: mjtGeom
    mjGEOM_SPHERE: mjtGeom
    mjGEOM_CAPSULE: mjtGeom
    mjGEOM_BOX: mjtGeom

class mjtIntegrator:
    value: int
    def __init__(self, value: int) -> None: ...
    def __int__(self) -> int: ...
    def __index__(self) -> int: ...
    def __or__(self, other: int) -> int: ...
    def __ror__(self, other: int) -> int: ...
    def __and__(self, other: int) -> int: ...
    def __rand__(self, other: int) -> int: ...
    mjINT_IMPLICITFAST: mjtIntegrator

class mjtJoint:
    value: int
    def __init__(self, value: int) -> None: ...
    def __int__(self) -> int: ...
    def __index__(self) -> int: ...
    def __or__(self, other: int) -> int: ...
    def __ror__(self, other: int) -> int: ...
    def __and__(self, other: int) -> int: ...
    def __rand__(self, other: int) -> int: ...
    mjJNT_BALL: mjtJoint

class mjtLimited:
    value: int
    def __init__(self, value: int) -> None: ...
    def __int__(self) -> int: ...
    def __index__(self) -> int: ...
    def __or__(self, other: int) -> int: ...
    def __ror__(self, other: int) -> int: ...
    def __and__(self, other: int) -> int: ...
    def __rand__(self, other: int) -> int: ...

class mjtObj:
    value: int
    def __init__(self, value: int) -> None: ...
    def __int__(self) -> int: ...
    def __index__(self) -> int: ...
    def __or__(self, other: int) -> int: ...
    def __ror__(self, other: int) -> int: ...
    def __and__(self, other: int) -> int: ...
    def __rand__(self, other: int) -> int: ...
    mjOBJ_BODY: mjtObj
    mjOBJ_XBODY: mjtObj
    mjOBJ_GEOM: mjtObj

class mjtSensor:
    value: int
    def __init__(self, value: int) -> None: ...
    def __int__(self) -> int: ...
    def __index__(self) -> int: ...
    def __or__(self, other: int) -> int: ...
    def __ror__(self, other: int) -> int: ...
    def __and__(self, other: int) -> int: ...
    def __rand__(self, other: int) -> int: ...
    mjSENS_CONTACT: mjtSensor

class mjtStage:
    value: int
    def __init__(self, value: int) -> None: ...
    def __int__(self) -> int: ...
    def __index__(self) -> int: ...
    def __or__(self, other: int) -> int: ...
    def __ror__(self, other: int) -> int: ...
    def __and__(self, other: int) -> int: ...
    def __rand__(self, other: int) -> int: ...
    mjSTAGE_NONE: mjtStage
    mjSTAGE_VEL: mjtStage
    mjSTAGE_ACC: mjtStage

class mjtState:
    value: int
    def __init__(self, value: int) -> None: ...
    def __int__(self) -> int: ...
    def __index__(self) -> int: ...
    def __or__(self, other: int) -> int: ...
    def __ror__(self, other: int) -> int: ...
    def __and__(self, other: int) -> int: ...
    def __rand__(self, other: int) -> int: ...
    mjSTATE_WARMSTART: mjtState
    mjSTATE_FULLPHYSICS: mjtState

class mjtTrn:
    value: int
    def __init__(self, value: int) -> None: ...
    def __int__(self) -> int: ...
    def __index__(self) -> int: ...
    def __or__(self, other: int) -> int: ...
    def __ror__(self, other: int) -> int: ...
    def __and__(self, other: int) -> int: ...
    def __rand__(self, other: int) -> int: ...
    mjTRN_JOINT: mjtTrn
    mjTRN_BODY: mjtTrn

class mjtWarning:
    value: int
    def __init__(self, value: int) -> None: ...
    def __int__(self) -> int: ...
    def __index__(self) -> int: ...
    def __or__(self, other: int) -> int: ...
    def __ror__(self, other: int) -> int: ...
    def __and__(self, other: int) -> int: ...
    def __rand__(self, other: int) -> int: ...
    mjWARN_BADQPOS: mjtWarning
    mjWARN_BADQACC: mjtWarning

__version__: str

def mj_collision(m: MjModel, d: MjData) -> None: ...
def mj_comPos(m: MjModel, d: MjData) -> None: ...
def mj_differentiatePos(
    m: MjModel, qvel: NDArray[np.float64], dt: _Float, qpos1: ArrayLike, qpos2: ArrayLike
) -> None: ...
def mj_forward(m: MjModel, d: MjData) -> None: ...
def mj_fwdPosition(m: MjModel, d: MjData) -> None: ...
def mj_fwdVelocity(m: MjModel, d: MjData) -> None: ...
def mj_geomDistance(
    m: MjModel, d: MjData, geom1: _Int, geom2: _Int, distmax: _Float, fromto: NDArray[np.float64] | None
) -> float: ...
def mj_jac(
    m: MjModel,
    d: MjData,
    jacp: NDArray[np.float64] | None,
    jacr: NDArray[np.float64] | None,
    point: ArrayLike,
    body: _Int,
) -> None: ...
def mj_jacBody(
    m: MjModel, d: MjData, jacp: NDArray[np.float64] | None, jacr: NDArray[np.float64] | None, body: _Int
) -> None: ...
def mj_jacSubtreeCom(m: MjModel, d: MjData, jacp: NDArray[np.float64] | None, body: _Int) -> None: ...
def mj_kinematics(m: MjModel, d: MjData) -> None: ...
def mj_mulM(m: MjModel, d: MjData, res: NDArray[np.float64], vec: ArrayLike) -> None: ...
def mj_setConst(m: MjModel, d: MjData) -> None: ...
def mj_stateSize(m: MjModel, sig: _Int) -> int: ...
def mj_subtreeVel(m: MjModel, d: MjData) -> None: ...
def mju_quat2Vel(res: NDArray[np.float64], quat: ArrayLike, dt: _Float) -> None: ...
