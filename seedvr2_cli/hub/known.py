"""The known files of SeedVR2: what they hold and where they are.

Sizes and SHA-256 are those of public registries (spec/vae.md 5.2, spec/dit.md 1.1). Two models go by the name
3B: ByteDance's weights of 2025-06-22, and those it first published from 2025-06-11 to 06-20, which the older
repositories still hold.
"""

from dataclasses import dataclass
from enum import StrEnum


class Variant(StrEnum):
    VAE = "vae"
    DIT_3B = "3b"
    DIT_3B_FIRST = "3b-first"
    DIT_7B = "7b"
    DIT_7B_SHARP = "7b-sharp"


TEXTS = {
    Variant.VAE: "video VAE",
    Variant.DIT_3B: "3B transformer, ByteDance's current weights of 2025-06-22",
    Variant.DIT_3B_FIRST: "3B transformer, ByteDance's first weights, replaced on 2025-06-22",
    Variant.DIT_7B: "7B transformer",
    Variant.DIT_7B_SHARP: "7B transformer, sharp",
}
TRANSFORMERS = tuple(variant for variant in Variant if variant is not Variant.VAE)


@dataclass(frozen=True)
class Place:
    """A file on the Hub. path: inside its repository. revision: a branch or commit."""

    repo: str
    path: str
    revision: str = "main"


@dataclass(frozen=True)
class KnownFile:
    """One published file. form: its type in a word. nbytes: None where only the Hub knows it. sha256: None
    where no registry pins it. places: the first is asked first. problem: why it is never chosen unasked."""

    name: str
    variant: Variant
    form: str
    nbytes: int | None
    sha256: str | None
    places: tuple[Place, ...]
    problem: str = ""

    @property
    def stem(self) -> str:
        return self.name.rpartition(".")[0]

    @property
    def text(self) -> str:
        return f"{TEXTS[self.variant]}, {self.form}"


Table = tuple[KnownFile, ...]

_BYTEDANCE_3B, _BYTEDANCE_7B = "ByteDance-Seed/SeedVR2-3B", "ByteDance-Seed/SeedVR2-7B"
_NUMZ, _AINVFX, _CMEKA = "numz/SeedVR2_comfyUI", "AInVFX/SeedVR2_comfyUI", "cmeka/SeedVR2-GGUF"
_COMFY = "Comfy-Org/SeedVR2"
_VAE_FP16 = "20678548f420d98d26f11442d3528f8b8c94e57ee046ef93dbb7633da8612ca1"
_UNREAD = "this form cannot be read"


def _bytedance(name: str, variant: Variant, nbytes: int, sha256: str) -> KnownFile:
    repo = _BYTEDANCE_3B if variant is Variant.DIT_3B else _BYTEDANCE_7B
    return KnownFile(name, variant, "float32", nbytes, sha256, (Place(repo, name),))


def _at(
    name: str, variant: Variant, form: str, nbytes: int | None, sha256: str | None, *repos: str
) -> KnownFile:
    return KnownFile(name, variant, form, nbytes, sha256, tuple(Place(repo, name) for repo in repos))


def _comfy(
    name: str, variant: Variant, form: str, nbytes: int | None, sha256: str, problem: str = ""
) -> KnownFile:
    place = Place(_COMFY, f"diffusion_models/{name}")
    return KnownFile(name, variant, form, nbytes, sha256, (place,), problem)


_3B, _FIRST, _7B, _SHARP = TRANSFORMERS

KNOWN: Table = (
    KnownFile(
        "ema_vae_fp16.safetensors",
        Variant.VAE,
        "float16",
        501324814,
        _VAE_FP16,
        (
            Place(_NUMZ, "ema_vae_fp16.safetensors", "09ced71023636e9bc8cdf9cdecfb2625d1e691e8"),
            Place(_COMFY, "vae/ema_vae_fp16.safetensors"),
        ),
    ),
    KnownFile(
        "ema_vae.pth",
        Variant.VAE,
        "float32",
        None,
        "c7df8a67e68b7f9aca3d5d2153d2ce8ab4373687741a0f9ce87cb356ace51cac",
        (Place(_BYTEDANCE_3B, "ema_vae.pth", "37255ff8cccfb01071b87f635a5948ca8d53117c"),),
    ),
    _bytedance(
        "seedvr2_ema_3b.pth",
        _3B,
        13566090228,
        "6bcc5ac59447e97b100477480aebb01be2ec724c8340bb83faae21f64848604b",
    ),
    _comfy(
        "seedvr2_3b_fp16.safetensors",
        _3B,
        "float16",
        6784263336,
        "98669fd2c06df5eca88baf68cd5c478775c8e61fc110e598c52b350145ea2660",
    ),
    _comfy(
        "seedvr2_3b_fp8_e4m3fn.safetensors",
        _3B,
        "e4m3",
        None,
        "a0226eaa2c3e6f47ae5ce83225120f16479da890ced1a3bc32b1a14619787914",
    ),
    _comfy(
        "seedvr2_3b_int8_convrot.safetensors",
        _3B,
        "int8",
        3458259704,
        "c3dec8bcc5916843a8a858572970597462e1f2dc598d6dfd818f6cd40f53a157",
        _UNREAD,
    ),
    _comfy(
        "seedvr2_3b_nvfp4.safetensors",
        _3B,
        "nvfp4",
        None,
        "c8dea38b04d43295621726e2cd371c0d2d001006169c113aea17950f2cb2e295",
        _UNREAD,
    ),
    _comfy(
        "seedvr2_3b_mxfp8.safetensors",
        _3B,
        "mxfp8",
        None,
        "768623e3bfb1752b4d0668782751b5fead58b1bcb153f0b5e03a423095630297",
        _UNREAD,
    ),
    _at(
        "seedvr2_ema_3b_fp16.safetensors",
        _FIRST,
        "float16",
        6783018808,
        "2fd0e03a3dad24e07086750360727ca437de4ecd456f769856e960ae93e2b304",
        _NUMZ,
    ),
    _at(
        "seedvr2_ema_3b_fp8_e4m3fn.safetensors",
        _FIRST,
        "e4m3",
        3391544696,
        "3bf1e43ebedd570e7e7a0b1b60d6a02e105978f505c8128a241cde99a8240cff",
        _NUMZ,
    ),
    _at(
        "seedvr2_ema_3b-Q8_0.gguf",
        _FIRST,
        "Q8_0",
        3660613984,
        "be0d60083a2051a265eb4b77f28edf494e6db67ffc250216f32b72292e5cbd96",
        _AINVFX,
        _CMEKA,
    ),
    _at("seedvr2_ema_3b-Q6_K.gguf", _FIRST, "Q6_K", None, None, _CMEKA),
    _at("seedvr2_ema_3b-Q5_K_M.gguf", _FIRST, "Q5_K", None, None, _CMEKA),
    _at(
        "seedvr2_ema_3b-Q4_K_M.gguf",
        _FIRST,
        "Q4_K",
        1995344224,
        "e665e3909de1a8c88a69c609bca9d43ff5a134647face2ce4497640cc3597f0e",
        _AINVFX,
        _CMEKA,
    ),
    _at(
        "seedvr2_ema_3b-Q3_K_M.gguf",
        _FIRST,
        "Q3_K",
        1553006944,
        "44b67c65b272cb778cef68c67370a5703a4e1ab09e2cd5b9a8e2a4eb4e3bdb8c",
        _CMEKA,
    ),
    _bytedance(
        "seedvr2_ema_7b.pth",
        _7B,
        32958774606,
        "e1b2ae25505607e61f2a7dc7967ba778aaf3e3626d9969ce6e24c52d9ddebfcd",
    ),
    _at(
        "seedvr2_ema_7b_fp16.safetensors",
        _7B,
        "float16",
        16479334424,
        "7b8241aa957606ab6cfb66edabc96d43234f9819c5392b44d2492d9f0b0bbe4a",
        _NUMZ,
    ),
    _comfy(
        "seedvr2_7b_fp16.safetensors",
        _7B,
        "float16",
        16480583960,
        "2742ca6fee63bc5cc1773f426dd4b07b78cad27f51c9ea5cd42b035e6b592252",
    ),
    _at(
        "seedvr2_ema_7b_fp8_e4m3fn_mixed_block35_fp16.safetensors",
        _7B,
        "e4m3, last block float16",
        8466296338,
        "3d68b5ec0b295ae28092e355c8cad870edd00b817b26587d0cb8f9dd2df19bb2",
        _AINVFX,
    ),
    _comfy(
        "seedvr2_7b_fp8_e4m3fn.safetensors",
        _7B,
        "e4m3",
        8240979248,
        "5065e77d647dd553d9090a81e20d6de590d931a61df79d785e008433926ee418",
        "reported to give black frames",
    ),
    _comfy(
        "seedvr2_7b_int8_convrot.safetensors",
        _7B,
        "int8",
        8334897976,
        "5aa0d25fc9d35e449b659d0c9a5dcb22e2a4fa04032101b95a39da42b32c1be6",
        _UNREAD,
    ),
    _comfy(
        "seedvr2_7b_nvfp4.safetensors",
        _7B,
        "nvfp4",
        None,
        "cc4af1a7bd5377066496f393555478323e806fa21163bdbe3409451aface9b93",
        _UNREAD,
    ),
    _comfy(
        "seedvr2_7b_mxfp8.safetensors",
        _7B,
        "mxfp8",
        None,
        "b40804f47910d96c5089c728cc7ec8b57b956750eabb6397dc4e6e697477263d",
        _UNREAD,
    ),
    _at("seedvr2_ema_7b-Q8_0.gguf", _7B, "Q8_0", None, None, _CMEKA),
    _at("seedvr2_ema_7b-Q6_K.gguf", _7B, "Q6_K", None, None, _CMEKA),
    _at("seedvr2_ema_7b-Q5_K_M.gguf", _7B, "Q5_K", None, None, _CMEKA),
    _at(
        "seedvr2_ema_7b-Q4_K_M.gguf",
        _7B,
        "Q4_K",
        4758306592,
        "db9cb2ad90ebd40d2e8c29da2b3fc6fd03ba87cd58cbadceccca13ad27162789",
        _AINVFX,
        _CMEKA,
    ),
    _at("seedvr2_ema_7b-Q3_K_M.gguf", _7B, "Q3_K", None, None, _CMEKA),
    _bytedance(
        "seedvr2_ema_7b_sharp.pth",
        _SHARP,
        32958774606,
        "ced5706c976d5879efcab9e108349d67abcbd8a9b36a1f48bf0f19c24164a264",
    ),
    _at(
        "seedvr2_ema_7b_sharp_fp16.safetensors",
        _SHARP,
        "float16",
        16479334424,
        "20a93e01ff24beaeebc5de4e4e5be924359606c356c9c51509fba245bd2d77dd",
        _NUMZ,
    ),
    _comfy(
        "seedvr2_7b_sharp_fp16.safetensors",
        _SHARP,
        "float16",
        None,
        "70823bca54b9c24eeb56e1c452697c7c2a430867e58db0e376c6e260f3a4489d",
    ),
    _at(
        "seedvr2_ema_7b_sharp_fp8_e4m3fn_mixed_block35_fp16.safetensors",
        _SHARP,
        "e4m3, last block float16",
        8466296338,
        "0d2c5b8be0fda94351149c5115da26aef4f4932a7a2a928c6f184dda9186e0be",
        _AINVFX,
    ),
    _comfy(
        "seedvr2_7b_sharp_fp8_e4m3fn.safetensors",
        _SHARP,
        "e4m3",
        8240979248,
        "7602c5f70868d28e7730035e4e9d745b05d661c8f0a7eb758e63f9c8603596ef",
        "its plain twin is reported to give black frames",
    ),
    _comfy(
        "seedvr2_7b_sharp_int8_convrot.safetensors",
        _SHARP,
        "int8",
        None,
        "db48be2f1cc7e36b01a2aa529810f5d9c6a971edd29be225cf1b0eb18d51c366",
        _UNREAD,
    ),
    _comfy(
        "seedvr2_7b_sharp_nvfp4.safetensors",
        _SHARP,
        "nvfp4",
        None,
        "80d57af7722f5a5bd4c01d2ab2688f2bf05e552e59d3d3287257de709db10397",
        _UNREAD,
    ),
    _comfy(
        "seedvr2_7b_sharp_mxfp8.safetensors",
        _SHARP,
        "mxfp8",
        None,
        "0d621ec1561a11ca9b5f432ec6d4e09b263b61f4b83b0280552c8b4add030ec3",
        _UNREAD,
    ),
    _at("seedvr2_ema_7b_sharp-Q8_0.gguf", _SHARP, "Q8_0", None, None, _CMEKA),
    _at("seedvr2_ema_7b_sharp-Q6_K.gguf", _SHARP, "Q6_K", None, None, _CMEKA),
    _at("seedvr2_ema_7b_sharp-Q5_K_M.gguf", _SHARP, "Q5_K", None, None, _CMEKA),
    _at(
        "seedvr2_ema_7b_sharp-Q4_K_M.gguf",
        _SHARP,
        "Q4_K",
        4758306592,
        "7aed800ac4eb8e0d18569a954c0ff35f5a1caa3ed5d920e66cc31405f75b6e69",
        _AINVFX,
        _CMEKA,
    ),
    _at("seedvr2_ema_7b_sharp-Q3_K_M.gguf", _SHARP, "Q3_K", None, None, _CMEKA),
)
