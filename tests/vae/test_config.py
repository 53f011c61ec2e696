"""A config takes the published names, and says what is wrong with others."""

import json

import pytest

from seedvr2_cli.base.errors import WeightsError
from seedvr2_cli.vae.config import VAEConfig


def test_the_built_in_config_is_the_published_one():
    config = VAEConfig()
    assert config.block_out_channels == (128, 256, 512, 512)
    assert (config.spatial_factor, config.temporal_factor) == (8, 4)
    assert (config.latent_channels, config.norm_num_groups, config.scaling_factor) == (16, 32, 0.9152)


def test_fewer_blocks_than_halvings_of_time_leave_fewer_halvings():
    assert VAEConfig(block_out_channels=(32, 32), temporal_scale_num=2).temporal_factor == 2


def test_a_config_in_diffusers_form_is_read_and_what_is_not_ours_ignored():
    values = {
        "_class_name": "VideoAutoencoderKL",
        "_diffusers_version": "0.29.1",
        "act_fn": "silu",
        "block_out_channels": [8, 16],
        "down_block_types": ["DownEncoderBlock3D"] * 2,
        "up_block_types": ["UpDecoderBlock3D"] * 2,
        "use_quant_conv": False,
        "norm_num_groups": 4,
        "force_upcast": True,
        "scaling_factor": 0.18215,  # what diffusers writes where nobody set it
        "layers_per_block": None,
    }
    config = VAEConfig.from_json(json.dumps(values), where="config.json")
    assert config == VAEConfig(block_out_channels=(8, 16), norm_num_groups=4)


def test_a_scaling_factor_that_somebody_set_is_kept():
    assert VAEConfig.from_mapping({"scaling_factor": 0.5}).scaling_factor == 0.5


def test_a_config_is_read_back_as_it_was_written():
    config = VAEConfig(block_out_channels=(8, 24), norm_num_groups=8, temporal_scale_num=1)
    assert VAEConfig.from_json(json.dumps(config.to_mapping()), where="x") == config


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "no valid JSON"),
        ("[" * 100_000, "no valid JSON"),
        ("[1]", "the config is no JSON object"),
        ('{"block_out_channels": []}', "block_out_channels is [], not 1 to 8 widths"),
        ('{"block_out_channels": [8.5]}', "block_out_channels is [8.5], not a list of whole numbers"),
        ('{"block_out_channels": [1000000]}', "block_out_channels is 1000000, not 1 to 8192"),
        ('{"layers_per_block": true}', "layers_per_block is True, not a whole number"),
        ('{"layers_per_block": 1e9}', "layers_per_block is 1000000000.0, not a whole number"),
        ('{"layers_per_block": 0}', "layers_per_block is 0, not 1 to 16"),
        ('{"norm_num_groups": 48}', "norm_num_groups is 48, not a divisor of the width 128"),
        ('{"norm_num_groups": 0}', "norm_num_groups is 0, not 1 to 8192"),
        ('{"latent_channels": "16"}', "latent_channels is 16, not a whole number"),
        ('{"scaling_factor": 0}', "scaling_factor is 0.0, not above 0"),
        ('{"scaling_factor": NaN}', "scaling_factor is nan, not above 0"),
        ('{"act_fn": "relu"}', "act_fn is relu, not 'silu', as in SeedVR2's VAE"),
        ('{"use_quant_conv": true}', "use_quant_conv is True, not False, as in SeedVR2's VAE"),
        (
            '{"down_block_types": ["DownBlock2D"]}',
            "down_block_types is ['DownBlock2D'], not DownEncoderBlock3D alone, as in SeedVR2's VAE",
        ),
    ],
)
def test_what_fits_no_network_is_named(text, words):
    with pytest.raises(WeightsError) as caught:
        VAEConfig.from_json(text, where="vae/config.json")
    assert str(caught.value).startswith(f"vae/config.json: {words}")
    assert str(caught.value).endswith("; mend the config")
