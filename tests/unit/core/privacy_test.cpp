#include "core/privacy.hpp"

#include <gtest/gtest.h>

#include "core/privacy_patterns.hpp"
#include "core/privacy_texts.hpp"
#include "core/recording_host.hpp"

namespace assay {
namespace {

Pseudonyms fixed() { return Pseudonyms(Pseudonyms::Key{7}); }

std::string scrub(std::string_view text) {
  Pseudonyms pseudonyms = fixed();
  return pseudonyms.scrub(text);
}

TEST(Privacy, FindsWhatIdentifies) {
  for (const std::string word :
       {"00:1b:21:3c:9d:f8", "00-1B-21-3C-9D-F8", "80:00:02:08:fe:80:00:00:00:00:00:00",
        "0c42:a103:0065:6f5c", "10.20.30.40", "192.168.0.1", "fe80::21b:21ff:fe3c:9df8",
        "2001:db8:1:2:3:4:5:6", "3d1219c7-c4c5-404a-aa1f-6d2a48adfda4",
        "3D1219C7-C4C5-404A-AA1F-6D2A48ADFDA4", "3d1219c7_c4c5_404a_aa1f_6d2a48adfda4",
        "3d1219c7c4c5404aaa1f6d2a48adfda4", "enx001b213c9df8"}) {
    for (const std::string& text : {word, "x=" + word + " y", "\"" + word + "\"", "/a/" + word}) {
      const std::string made = scrub(text);
      EXPECT_EQ(made.find(word), std::string::npos) << text << " → " << made;
      EXPECT_EQ(made, scrub(text)) << "the same value gets the same stand-in";
    }
  }
}

TEST(Privacy, LeavesWhatIdentifiesNobody) {
  for (const std::string text : {"0000:00:02.0",
                                 "pci0000:00/0000:03:00.0",
                                 "0::/user.slice",
                                 "9:cpuset:/",
                                 "0-3,8-11",
                                 "ff,ffffffff,ffffffff",
                                 "ffffffff,ffffffff,ffffffff,ffffffff",
                                 "00:00:00:00:00:00",
                                 "ff:ff:ff:ff:ff:ff",
                                 "0.0.0.0",
                                 "127.0.0.1",
                                 "255.255.255.0",
                                 "::1",
                                 "1.2.3",
                                 "6.1.0-13-amd64",
                                 "v1.2.3.4",
                                 "1.2.3.4.5",
                                 "2026-11-21",
                                 "12:34:56",
                                 "5:0:0:0",
                                 "00000000000000000000000000000000",
                                 "0x00000000000000ff",
                                 "254:0",
                                 "8.0 GT/s PCIe",
                                 "Example(R) CPU E5-2680 v4 @ 2.40GHz",
                                 "enp3s0f0",
                                 "deadbeef",
                                 ""}) {
    EXPECT_EQ(scrub(text), text);
  }
}

TEST(Privacy, StandInsKeepTheirForm) {
  const std::string mac = scrub("00:1b:21:3c:9d:f8");
  EXPECT_EQ(mac.size(), 17U);
  EXPECT_TRUE(mac.starts_with("02:")) << mac;  // locally administered
  const std::string name = scrub("enx001b213c9df8");
  std::string digits = mac;
  std::erase(digits, ':');
  EXPECT_EQ(name, "enx" + digits) << "the interface still belongs to its address";
  EXPECT_EQ(scrub("00-1B-21-3C-9D-F8").substr(3, 2), mac.substr(3, 2)) << "whatever its notation";
  EXPECT_EQ(scrub("3d1219c7-c4c5-404a-aa1f-6d2a48adfda4")[8], '-');
}

TEST(Privacy, AnotherKeyGivesOtherStandIns) {
  Pseudonyms one;
  Pseudonyms other;
  EXPECT_NE(one.scrub("00:1b:21:3c:9d:f8"), other.scrub("00:1b:21:3c:9d:f8"));
  EXPECT_NE(one.digits("a", "value", 16), one.digits("b", "value", 16));
}

TEST(Privacy, HostNamesAreWordsOfTheirOwn) {
  Pseudonyms pseudonyms = fixed();
  pseudonyms.set_host_name("rack12.acme.test");
  EXPECT_EQ(pseudonyms.scrub("on rack12: rack123, brack12").find("rack12:"), std::string::npos);
  EXPECT_NE(pseudonyms.scrub("rack123").find("rack123"), std::string::npos);
  for (const char* common : {"vm", "server", "Debian", "localhost.localdomain"}) {
    pseudonyms.set_host_name(common);
    EXPECT_EQ(pseudonyms.scrub("vm server Debian localhost"), "vm server Debian localhost");
  }
}

TEST(Privacy, BootLines) {
  Pseudonyms pseudonyms = fixed();
  const std::string kept =
      "BOOT_IMAGE=vmlinuz-6.1.0 ro quiet isolcpus=managed_irq,domain,2-3 nohz_full=2-3 "
      "root=/dev/nvme0n1p2 mitigations=auto foo=1\n";
  EXPECT_EQ(privacy::boot_line(kept, pseudonyms), kept);
  const std::string made = privacy::boot_line(
      "root=UUID=0fb3f5cc-9a0c-4e3e-8a3f-2d5c7b9a1e44 resume=/dev/mapper/acme-swap "
      "token=s3cretvalue S3CR3T=\"two words\" s3cr3t-word ip=10.1.2.3::10.1.2.1 -- --key k3y\n",
      pseudonyms);
  for (const char* secret : {"0fb3f5cc", "acme", "s3cret", "two", "s3cr3t", "10.1.2", "k3y"}) {
    EXPECT_EQ(made.find(secret), std::string::npos) << secret << " in " << made;
  }
  EXPECT_TRUE(made.starts_with("root=UUID=")) << made;
  EXPECT_NE(made.find("token="), std::string::npos) << "which words there are stays";
}

TEST(Privacy, GrubKeepsItsLinesAndReferences) {
  Pseudonyms pseudonyms = fixed();
  EXPECT_EQ(privacy::grub("# mine\nGRUB_TIMEOUT=5\n"
                          "\n\nGRUB_CMDLINE_LINUX=\"isolcpus=2-3 $OTHER quiet\"\n"
                          "GRUB_CMDLINE_LINUX_DEFAULT='quiet'\n",
                          pseudonyms),
            "\n\n\n\nGRUB_CMDLINE_LINUX=\"isolcpus=2-3 $OTHER quiet\"\n"
            "GRUB_CMDLINE_LINUX_DEFAULT='quiet'\n");
}

TEST(Privacy, MountTables) {
  Pseudonyms pseudonyms = fixed();
  const std::string plain = "27 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw\n";
  EXPECT_EQ(privacy::mountinfo(plain, pseudonyms), plain);
  const std::string group =
      "30 22 0:26 / /sys/fs/cgroup rw shared:9 - cgroup cgroup rw,cpu,cpuacct\n";
  EXPECT_EQ(privacy::mountinfo(group, pseudonyms), group) << "the hierarchy's options count";
  const std::string made = privacy::mountinfo(
      "31 27 0:40 /vol/alice /home/data rw - nfs4 filer.acme:/vol/alice rw,addr=10.2.3.4\n",
      pseudonyms);
  for (const char* secret : {"alice", "data", "filer", "acme", "10.2"}) {
    EXPECT_EQ(made.find(secret), std::string::npos) << secret << " in " << made;
  }
  EXPECT_NE(made.find(" /home/p-"), std::string::npos) << made;
  EXPECT_EQ(privacy::mounts("/dev/sda3 / xfs rw,relatime 0 0\n", pseudonyms),
            "/dev/sda3 / xfs rw,relatime 0 0\n");
  EXPECT_EQ(privacy::chosen_path("/dev/nvme0n1p2", pseudonyms), "/dev/nvme0n1p2");
  EXPECT_EQ(privacy::chosen_path("/var/lib/docker/overlay2", pseudonyms),
            "/var/lib/docker/overlay2");
  // A person may be called as a device or as a directory of the system.
  EXPECT_EQ(privacy::chosen_path("/home/sda", pseudonyms).find("sda"), std::string::npos);
  EXPECT_NE(privacy::chosen_path("/sdalice", pseudonyms), "/sdalice");
}

TEST(Privacy, SerialNumbers) {
  Pseudonyms pseudonyms = fixed();
  const std::string made = privacy::serial_file("S6CK-NT0W  \n", pseudonyms);
  EXPECT_EQ(made.size(), 12U);
  EXPECT_EQ(made.substr(9), "  \n");
  EXPECT_EQ(made[4], '-');
  EXPECT_EQ(made.find("S6CK"), std::string::npos);
  EXPECT_TRUE(privacy::serial_file("eui.0025385b71b0c8a4\n", pseudonyms).starts_with("eui."));
  EXPECT_EQ(privacy::serial_file("0000:0000\n", pseudonyms), "0000:0000\n") << "no number at all";
  EXPECT_EQ(privacy::serial_page(std::string("\0\x80\0\x08ZC1A", 8), pseudonyms).substr(0, 4),
            std::string("\0\x80\0\x08", 4));
  EXPECT_TRUE(privacy::mapper_uuid("CRYPT-LUKS2-0fb3-x\n", pseudonyms).starts_with("CRYPT-LUKS2-"));
  EXPECT_TRUE(privacy::mapper_uuid("LVM-AbCd\n", pseudonyms).starts_with("LVM-"));
}

TEST(Privacy, TheSerialNumberInAConfigurationSpace) {
  Pseudonyms pseudonyms = fixed();
  std::string space(512, '\x5a');
  // At 256 an AER capability whose next is at 320, and there the serial number, the last one.
  space.replace(256, 4, std::string("\x01\x00\x02\x14", 4));
  space.replace(320, 4, std::string("\x03\x00\x01\x00", 4));
  std::string expected = space;
  expected.replace(324, 8, std::string(8, '\0'));
  EXPECT_EQ(privacy::pci_config(space, pseudonyms), expected);
  EXPECT_EQ(privacy::pci_config(space.substr(0, 256), pseudonyms), space.substr(0, 256));
  EXPECT_EQ(privacy::pci_config(space.substr(0, 326), pseudonyms).substr(324),
            std::string(2, '\0'));
}

TEST(Privacy, ASerialNumberIsReplacedWhereverItStands) {
  CaptureTree tree;
  tree.nodes["/sys/block/sda/device/serial"] = {FileKind::regular, "ZC1A9X7Q\n", true};
  tree.nodes["/etc/modprobe.d/x.conf"] = {FileKind::regular, "options x drive=ZC1A9X7Q\n", true};
  Pseudonyms pseudonyms = fixed();
  const CaptureTree made = make_private(tree, {}, pseudonyms);
  const std::string options = made.nodes.at("/etc/modprobe.d/x.conf").content;
  EXPECT_EQ(options.find("ZC1A9X7Q"), std::string::npos);
  std::string number = made.nodes.at("/sys/block/sda/device/serial").content;
  number.pop_back();
  EXPECT_NE(options.find(number), std::string::npos) << "by the same stand-in";
}

TEST(Privacy, OnlyKnownProgramsStay) {
  CaptureTree tree;
  for (const auto& [pid, name] :
       {std::pair{"1", "systemd"}, {"77", "alices-bot"}, {"88", "tuned"}}) {
    const std::string folder = std::string("/proc/") + pid;
    tree.nodes[folder] = {};
    tree.nodes[folder + "/comm"] = {FileKind::regular, std::string(name) + "\n", true};
  }
  Pseudonyms pseudonyms = fixed();
  const auto made = make_private(
      tree, {.keeps_program = [](std::string_view name) { return name == "tuned"; }}, pseudonyms);
  EXPECT_TRUE(made.nodes.contains("/proc/88/comm"));
  EXPECT_FALSE(made.nodes.contains("/proc/77"));
  EXPECT_TRUE(made.nodes.contains("/proc/1"));
  EXPECT_FALSE(made.nodes.contains("/proc/1/comm"));
  EXPECT_EQ(pseudonyms.report().processes_left_out, 1U);
}

TEST(Privacy, AHostThatIsCalledAsAFileOfTheKernel) {
  CaptureTree tree;
  tree.nodes["/sys/block/sda/queue/scheduler"] = {FileKind::regular, "none\n", true};
  tree.nodes["/proc/sys/kernel/hostname"] = {FileKind::regular, "scheduler\n", true};
  Pseudonyms pseudonyms = fixed();
  const CaptureTree made = make_private(tree, {}, pseudonyms);
  EXPECT_TRUE(made.nodes.contains("/sys/block/sda/queue/scheduler"));
  EXPECT_EQ(made.nodes.at("/proc/sys/kernel/hostname").content.find("scheduler"),
            std::string::npos);
}

TEST(Privacy, AnyBytesAreTaken) {
  Pseudonyms pseudonyms = fixed();
  pseudonyms.set_host_name("rack12");
  std::string bytes;
  for (int i = 0; i < 512; ++i) bytes += static_cast<char>(i * 37);
  for (const std::string& text : {bytes, std::string(70000, ':'), std::string(70000, 'f'),
                                  std::string(5000, '\n'), std::string("\"=\" = -- \"")}) {
    for (const auto treat :
         {privacy::boot_line, privacy::grub, privacy::mountinfo, privacy::mounts, privacy::swaps,
          privacy::config, privacy::limits, privacy::kernel_banner, privacy::cpuinfo,
          privacy::serial_file, privacy::serial_page, privacy::host_name_file,
          privacy::chosen_name_file, privacy::chosen_path_file, privacy::mapper_uuid,
          privacy::pci_config, privacy::scrubbed}) {
      EXPECT_LE(treat(text, pseudonyms).size(), text.size() * 16 + 100);
    }
  }
}

}  // namespace
}  // namespace assay
