"""The table of kinds, and what is derived from it without starting anything."""
import unittest

from hosts import expectation, images, machine, packages
from hosts.kinds import KINDS, NIC_MODELS, Drive, Kind, Nic, Node

TWO = Kind("two", "for these tests", nodes=(Node((0, 1), 512, {2048: 4}), Node((2, 3), 1024, {2048: 8, 1 << 20: 1})),
           drives=(Drive(1, queues=2, block_bytes=4096),), nics=(Nic("vmxnet3", 0), Nic("e1000e", 1)))


def value_after(words, option, prefix):
    return [words[n + 1] for n, word in enumerate(words) if word == option and words[n + 1].startswith(prefix)]


class Table(unittest.TestCase):
    def test_every_row_names_what_exists(self):
        for name, kind in KINDS.items():
            self.assertEqual(kind.name, name)
            self.assertIn(kind.kernel, packages.KERNELS, name)
            self.assertIn(kind.emulator, packages.EMULATORS, name)
            for nic in kind.nics:
                self.assertIn(nic.model, NIC_MODELS, name)
            for device in (*kind.drives, *kind.nics):
                self.assertLess(device.node, len(kind.nodes), name)

    def test_processors_are_numbered_in_the_order_of_nodes(self):
        for name, kind in KINDS.items():
            cpus = [cpu for node in kind.nodes for cpu in node.cpus]
            self.assertEqual(cpus, list(range(kind.cpus)), name)
            self.assertEqual(len({len(node.cpus) for node in kind.nodes}), 1, name)
            self.assertEqual(kind.cpus % (len(kind.nodes) * kind.threads), 0, name)

    def test_make_test_has_kinds_and_leaves_some_out(self):
        default = [kind.default for kind in KINDS.values()]
        self.assertIn(True, default)
        self.assertIn(False, default)


class Arguments(unittest.TestCase):
    def test_nodes_hang_their_devices_on_their_own_bus(self):
        words = machine.arguments(TWO, ["/drive"])
        self.assertEqual(value_after(words, "-device", "pxb-pcie,id=bus1"),
                         ["pxb-pcie,id=bus1,bus_nr=128,numa_node=1,bus=pcie.0"])
        self.assertEqual(value_after(words, "-device", "pcie-root-port,id=drive0-slot")[0].split(",")[2], "bus=bus1")
        self.assertEqual(value_after(words, "-device", "pcie-root-port,id=port0-slot")[0].split(",")[2], "bus=bus0")
        drive, = value_after(words, "-device", "nvme")
        self.assertIn("bus=drive0-slot", drive)
        self.assertIn("max_ioqpairs=2", drive)
        self.assertIn("logical_block_size=4096", drive)
        self.assertEqual(value_after(words, "-numa", "dist"), ["dist,src=0,dst=1,val=21"])

    def test_a_saved_host_has_the_slot_but_not_the_drive(self):
        words = machine.arguments(TWO, None)
        self.assertEqual(value_after(words, "-device", "nvme"), [])
        self.assertEqual(len(value_after(words, "-device", "pcie-root-port,id=drive0-slot")), 1)

    def test_kvm_only_when_asked_for(self):
        self.assertTrue(value_after(machine.arguments(TWO, []), "-accel", "tcg,thread=single"))
        self.assertTrue(value_after(machine.arguments(TWO, [], "kvm"), "-accel", "kvm"))

    def test_huge_pages_become_words_of_the_boot_line(self):
        words = machine.boot_line(TWO, ("quiet2",))
        at = words.index("hugepagesz=2M")
        self.assertEqual(words[at:at + 4], ["hugepagesz=2M", "hugepages=0:4,1:8", "hugepagesz=1G", "hugepages=1:1"])
        self.assertEqual(words[-1], "quiet2")

    def test_ports_on_one_wire_share_a_hub(self):
        words = machine.arguments(KINDS["nic"], [])
        self.assertEqual(len(value_after(words, "-netdev", "hubport,hubid=0")), 2)


class Expectation(unittest.TestCase):
    def test_known_truth_of_two_nodes(self):
        truth = expectation.expectation(TWO, "6.1", ["isolcpus=managed_irq,domain,3", "nohz_full=3"])
        self.assertEqual(truth["nodes"][1]["distances"], [21, 10])
        self.assertEqual(truth["nodes"][1]["huge_pages"], {"2048": 8, "1048576": 1})
        self.assertEqual(truth["drives"], [{"node": 1, "queues": 2, "block_bytes": 4096, "size_bytes": 1 << 30}])
        self.assertEqual([nic["queues"] for nic in truth["nics"]], [4, 1])
        self.assertEqual((truth["isolated"], truth["nohz_full"]), ("3", "3"))

    def test_a_host_without_nodes_tells_none_for_its_devices(self):
        truth = expectation.expectation(KINDS["basic"], "6.1", [])
        self.assertIsNone(truth["drives"][0]["node"])
        self.assertEqual(truth["isolated"], "")


class Grub(unittest.TestCase):
    def test_the_first_entry_counts_without_its_root(self):
        text = "menuentry 'a' {\n\tlinux\t/boot/vmlinuz-lab root=UUID=1 ro  quiet skew_tick=1\n}\n" \
               "menuentry 'b' {\n\tlinux /boot/vmlinuz-lab root=UUID=1 single\n}\n"
        self.assertEqual(images.words_of(text), ["quiet", "skew_tick=1"])
        self.assertEqual(images.words_of(""), [])


if __name__ == "__main__":
    unittest.main()
