# SPDX-License-Identifier: MIT
"""The recipe of the tree that it stands in: conan create packaging/conan"""
import os
import re

from conan import ConanFile
from conan.tools.cmake import CMake, CMakeDeps, CMakeToolchain, cmake_layout
from conan.tools.files import copy, load, rmdir


class LibvaeConan(ConanFile):
    name = "libvae"
    license = "MIT"
    description = "Variational autoencoders, trained and run inside a program, on the CPU"
    topics = ("machine-learning", "autoencoder", "vae")
    package_type = "library"
    languages = "C"
    settings = "os", "arch", "compiler", "build_type"
    options = {"shared": [True, False], "fPIC": [True, False]}
    default_options = {"shared": False, "fPIC": True}
    implements = ["auto_shared_fpic"]

    @property
    def _tree(self):
        return os.path.join(self.recipe_folder, "..", "..")

    def set_version(self):
        header = load(self, os.path.join(self._tree, "include", "vae", "version.h"))
        self.version = re.search(r'#define VAE_VERSION_STRING "(.*)"', header).group(1)

    def export_sources(self):
        for pattern in ("CMakeLists.txt", "*.in", "libvae.map", "LICENSE", "include/*", "lib/*", "bindings/cpp/*"):
            copy(self, pattern, self._tree, self.export_sources_folder, excludes=("build/*", ".git/*"))

    def layout(self):
        cmake_layout(self)

    def generate(self):
        CMakeToolchain(self).generate()
        CMakeDeps(self).generate()

    def build(self):
        cmake = CMake(self)
        cmake.configure()
        cmake.build()

    def package(self):
        CMake(self).install()
        copy(self, "LICENSE", self.source_folder, os.path.join(self.package_folder, "licenses"))
        for folder in ("cmake", "pkgconfig"):  # Conan writes its own
            rmdir(self, os.path.join(self.package_folder, "lib", folder))

    def package_info(self):
        self.cpp_info.libs = ["vae"]
        self.cpp_info.set_property("cmake_file_name", "vae")
        self.cpp_info.set_property("cmake_target_name", "vae::vae")
        self.cpp_info.set_property("pkg_config_name", "vae")
        if self.settings.os in ("Linux", "FreeBSD"):
            self.cpp_info.system_libs = ["m", "pthread"]
        if self.settings.os == "Windows" and self.options.shared:
            self.cpp_info.defines = ["VAE_SHARED"]
