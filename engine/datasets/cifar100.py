"""CIFAR-100: 60,000 photographs of a hundred classes, 32x32 px, through torchvision."""

from __future__ import annotations

from engine.datasets._cifar import Part, read_batches
from engine.datasets._downloads import folder_of
from engine.datasets.base import Dataset, Recommended
from engine.registry import register
from engine.runtime.libraries import torchvision
from engine.runtime.progress import Reporter
from engine.spec import AUTO, DataSpec, TrainSpec

SUPERCLASSES = {  # Krizhevsky, "Learning Multiple Layers of Features from Tiny Images", 2009
    "aquatic_mammals": "beaver dolphin otter seal whale",
    "fish": "aquarium_fish flatfish ray shark trout",
    "flowers": "orchid poppy rose sunflower tulip",
    "food_containers": "bottle bowl can cup plate",
    "fruit_and_vegetables": "apple mushroom orange pear sweet_pepper",
    "household_electrical_devices": "clock keyboard lamp telephone television",
    "household_furniture": "bed chair couch table wardrobe",
    "insects": "bee beetle butterfly caterpillar cockroach",
    "large_carnivores": "bear leopard lion tiger wolf",
    "large_man-made_outdoor_things": "bridge castle house road skyscraper",
    "large_natural_outdoor_scenes": "cloud forest mountain plain sea",
    "large_omnivores_and_herbivores": "camel cattle chimpanzee elephant kangaroo",
    "medium_mammals": "fox porcupine possum raccoon skunk",
    "non-insect_invertebrates": "crab lobster snail spider worm",
    "people": "baby boy girl man woman",
    "reptiles": "crocodile dinosaur lizard snake turtle",
    "small_mammals": "hamster mouse rabbit shrew squirrel",
    "trees": "maple_tree oak_tree palm_tree pine_tree willow_tree",
    "vehicles_1": "bicycle bus motorcycle pickup_truck train",
    "vehicles_2": "lawn_mower rocket streetcar tank tractor",
}
CLASSES = tuple(sorted(name for names in SUPERCLASSES.values() for name in names.split()))

# Not tried: near those of CIFAR-10, with the augmentation that a hundred classes need.
RECOMMENDED = Recommended(
    model="resnet18",
    train=TrainSpec(epochs=60, lr=0.05, augment="crop-flip", precision=AUTO),
    forget="class:0:0.5",
    training={"cnn": TrainSpec(epochs=30, lr=0.02, augment="crop-flip", precision=AUTO)},
)


@register(
    "dataset",
    "cifar100",
    label="CIFAR-100",
    help="60,000 photographs, 32x32 px, a hundred classes; downloaded (170 MB)",
    root=True,
)
def load(spec: DataSpec, report: Reporter) -> Dataset:
    """50,000 training and 10,000 test images with their fine labels, see `read`."""
    (train_x, train_y), (test_x, test_y) = read(spec, report)
    return Dataset(spec, "CIFAR-100", CLASSES, train_x, train_y, test_x, test_y, RECOMMENDED)


def read(spec: DataSpec, report: Reporter) -> tuple[Part, Part]:
    """(training, test) images and fine labels, in the order of the archive.

    `spec.root` contains torchvision's `cifar-100-python` or its archive, or is a folder to download
    it into; by default it is the user's cache folder. DataError if neither can be read.
    """
    root = folder_of(spec, "cifar-100-python, or none to download CIFAR-100")
    return read_batches(torchvision("torchvision.datasets").CIFAR100, "CIFAR-100", root, report)
