from launch.run import weak_splits


def test_a_network_that_is_hardly_better_than_means_is_named():
    errors = {
        "train": {"MAE_eV": 0.2, "baseline_MAE_eV": 0.1},
        "test": {"MAE_eV": 0.02, "baseline_MAE_eV": 0.13},
        "test-composition": {"MAE_eV": 0.11, "baseline_MAE_eV": 0.105},
    }
    (text,) = weak_splits(errors)
    assert text.startswith(
        "on test-composition its mean absolute error is 0.110 eV, that of each species' mean 0.105"
    )
