// The parts of the user-space driver that need no drive: the pair of queues against a device that
// this test plays, names and places, and that a fallback to the kernel does not pass.
#include <sys/mman.h>

#include <cstring>

#include "core/memory_host.hpp"
#include "core/pci_takeover.hpp"
#include "engine/drive_queue.hpp"
#include "engine/nvme_controller.hpp"
#include "engine/nvme_drive.hpp"
#include "engine/own_threads.hpp"
#include "storage_fixture.hpp"

namespace assay::engine {
namespace {

// A controller that answers every command at once, with the status that the command's word 15 asks
// for.
class PlayedDevice {
 public:
  static constexpr std::size_t kRegisters = 0x2000;
  explicit PlayedDevice(unsigned entries)
      : registers_(
            ::mmap(nullptr, kRegisters, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
            kRegisters),
        commands_(entries),
        answers_(entries),
        pair_(registers_, 1, entries, commands_.data(), answers_.data(), 0) {}

  NvmeQueuePair& pair() { return pair_; }
  // What the doorbells of queue 1 say: tail of the commands, head of the answers.
  unsigned tail() const { return registers_.read32(0x1008); }
  unsigned head() const { return registers_.read32(0x100c); }

  void answer_all() {
    while (taken_ != tail()) {
      const NvmeCommand& command = commands_[taken_];
      NvmeAnswer answer;
      answer.id = command.id;
      answer.status = static_cast<std::uint16_t>((command.words[5] << 1) | phase_);
      answers_[put_] = answer;
      taken_ = taken_ + 1 == commands_.size() ? 0 : taken_ + 1;
      if (++put_ == answers_.size()) {
        put_ = 0;
        phase_ ^= 1U;
      }
    }
  }

 private:
  DeviceRegisters registers_;
  std::vector<NvmeCommand> commands_;
  std::vector<NvmeAnswer> answers_;
  NvmeQueuePair pair_;
  unsigned taken_ = 0, put_ = 0;
  std::uint16_t phase_ = 1;
};

TEST(NvmeQueuePair, GoesRoundManyTimesAndLosesNothing) {
  PlayedDevice device(5);
  std::uint16_t next = 0, seen = 0;
  for (unsigned round = 0; round < 100; ++round) {
    const unsigned count = 1 + round % 4;  // one less than there are entries
    for (unsigned i = 0; i < count; ++i) {
      NvmeCommand command;
      command.id = next++;
      device.pair().place(command);
    }
    EXPECT_EQ(device.pair().reap([](unsigned, unsigned) {}), 0U) << "nothing is answered yet";
    device.pair().ring();
    device.answer_all();
    const unsigned found = device.pair().reap([&](std::uint16_t id, std::uint16_t status) {
      EXPECT_EQ(id, seen++);
      EXPECT_EQ(status, 0);
    });
    EXPECT_EQ(found, count);
    EXPECT_EQ(device.head(), device.tail()) << "every answer is acknowledged";
  }
  EXPECT_EQ(next, seen);
}

TEST(NvmeQueuePair, AStatusIsHandedOn) {
  PlayedDevice device(4);
  NvmeCommand command;
  command.id = 3;
  command.words[5] = 0x281;
  device.pair().place(command);
  device.pair().ring();
  device.answer_all();
  device.pair().reap([](std::uint16_t id, std::uint16_t status) {
    EXPECT_EQ(id, 3);
    EXPECT_EQ(status, 0x281);
  });
}

TEST(DriveNames, GenericDevicesAndBack) {
  EXPECT_EQ(generic_device_of("nvme0n1"), "/dev/ng0n1");
  EXPECT_EQ(generic_device_of("vda"), "");
  EXPECT_EQ(block_device_of("/dev/ng12n3"), "/dev/nvme12n3");
  EXPECT_EQ(block_device_of("/dev/ngrok"), "/dev/ngrok");
  EXPECT_EQ(block_device_of("file"), "file");
}

TEST(DriveNames, InterruptsOfADriveAlone) {
  MemoryHost host;
  host.put("/proc/interrupts",
           "            CPU0       CPU1\n"
           "  24:         10          5  IR-PCI-MSI 1-edge      nvme0q0\n"
           "  25:        100         20  IR-PCI-MSI 2-edge      nvme0q1\n"
           "  26:       7000          0  IR-PCI-MSI 3-edge      nvme01q1\n"
           "  27:        900          1  IR-PCI-MSI 3-edge      eth0\n");
  EXPECT_EQ(drive_interrupts(host, "nvme0n1"), 135U);
  EXPECT_EQ(drive_interrupts(host, "sda"), 0U);
}

class UserNvme : public StorageTest {};

TEST_F(UserNvme, WhatIsMissingIsSaid) {
  const Availability unnamed = nvme_can_be_taken(host(), parameters_);
  EXPECT_FALSE(unnamed.available);
  EXPECT_NE(unnamed.remedy.find("--file"), std::string::npos);
  parameters_.path = folder_.path();
  const Availability file = nvme_can_be_taken(host(), parameters_);
  EXPECT_FALSE(file.available);
  EXPECT_FALSE(file.remedy.empty());
  MemoryHost bare;
  const auto group = iommu_group_of(bare, "0000:00:04.0");
  ASSERT_FALSE(group);
  EXPECT_NE(group.error().advice.find("intel_iommu=on"), std::string::npos);
  const auto taken = PciTakeover::take(bare, "0000:00:04.0");
  ASSERT_FALSE(taken);
  EXPECT_EQ(taken.error().advice, "modprobe vfio-pci");
}

TEST_F(UserNvme, AFileIsNoDrive) {
  if (!has_direct()) GTEST_SKIP() << "no O_DIRECT on " << file_.description();
  const auto block = make_user_nvme(context_, {});
  ASSERT_TRUE(block) << block.error().message();
  const auto warm = (*block)->warm_up();
  ASSERT_FALSE(warm);
  EXPECT_EQ(warm.error().code, ErrorCode::unsupported);
  EXPECT_TRUE(file_.open(false, false)) << "the file is still there";
}

TEST_F(UserNvme, TheKernelsDriverDoesNotPassForOurs) {
  if (!has_direct()) GTEST_SKIP() << "no O_DIRECT on " << file_.description();
  StorageSabotage sabotage;
  sabotage.kernel_driver = true;
  const Outcome outcome = run_block(make_user_nvme(context_, sabotage));
  EXPECT_GT(outcome.recorder.operations, 0U);
  EXPECT_FALSE(outcome.engagement.engaged);
}

TEST(OwnThreads, HelpersAreToldFromTheThreadThatAsks) {
  const std::vector<OwnThread> earlier{{.id = 1, .name = "iou-sqp-9", .cpu = Nanoseconds(10)}};
  const std::vector<OwnThread> later{
      {.id = 1, .name = "iou-sqp-9", .cpu = Nanoseconds(25), .calls = 3, .calls_known = true},
      {.id = 2, .name = "iou-wrk-9", .cpu = Nanoseconds(7), .calls = 1, .calls_known = true}};
  const HelperWork poller = helper_work(earlier, later, "iou-sqp");
  EXPECT_EQ(poller.threads, 1U);
  EXPECT_EQ(poller.cpu, Nanoseconds(15));
  EXPECT_EQ(poller.calls, 3U);
  EXPECT_EQ(helper_work(earlier, later, "").threads, 2U);
}

}  // namespace
}  // namespace assay::engine
