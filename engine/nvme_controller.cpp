#include "engine/nvme_controller.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <memory>

namespace assay::engine {
namespace {

constexpr const char* kDriving = "drive an NVMe controller";
constexpr std::uint64_t kPage = 4096;

// Controller properties, by offset.
constexpr std::size_t kCapabilities = 0x00, kConfiguration = 0x14, kStatus = 0x1c;
constexpr std::size_t kAdminSizes = 0x24, kAdminCommands = 0x28, kAdminAnswers = 0x30;
constexpr std::size_t kDoorbells = 0x1000;

constexpr std::uint32_t kEnable = 1;
// Entries of 64 and 16 bytes (powers of two), pages of 4 KiB, the NVM command set.
constexpr std::uint32_t kSizes = (6U << 16) | (4U << 20);
constexpr std::uint32_t kShutdown = 1U << 14;

constexpr unsigned kAdminEntries = 16, kQueueId = 1;
constexpr unsigned kQueueEntriesMax = 4096;

// Our memory as the controller sees it: pages in this order.
constexpr std::uint64_t kBusAddress = 0x1000'0000;
constexpr std::uint64_t kAdminCommandsAt = 0, kAdminAnswersAt = kPage, kIdentifyAt = 2 * kPage;
constexpr std::uint64_t kCommandsAt = 3 * kPage;
constexpr std::uint64_t kAnswersAt = kCommandsAt + kQueueEntriesMax * sizeof(NvmeCommand);
constexpr std::uint64_t kMemoryBytes = kAnswersAt + kQueueEntriesMax * sizeof(NvmeAnswer);

enum Opcode : std::uint8_t { kCreateCommands = 0x01, kCreateAnswers = 0x05, kIdentify = 0x06 };

std::string text_of(const std::byte* at, std::size_t length) {
  std::string text(reinterpret_cast<const char*>(at), length);
  text.erase(text.find_last_not_of(" \0") + 1);
  return text;
}

template <typename Number>
Number number_at(const std::byte* at) {
  Number number{};
  std::memcpy(&number, at, sizeof number);
  return number;
}

bool waited_too_long(std::chrono::steady_clock::time_point since, std::chrono::milliseconds most) {
  return std::chrono::steady_clock::now() - since > most;
}

}  // namespace

NvmeQueuePair::NvmeQueuePair(const DeviceRegisters& registers, unsigned id, unsigned entries,
                             void* commands, void* answers, unsigned stride_shift)
    : registers_(&registers),
      commands_(static_cast<NvmeCommand*>(commands)),
      answers_(static_cast<NvmeAnswer*>(answers)),
      entries_(entries),
      doorbell_(kDoorbells + (std::size_t{2} * id * 4U << stride_shift)),
      stride_(std::size_t{4} << stride_shift) {}

Expected<std::unique_ptr<NvmeController>> NvmeController::start(const VfioDevice& device,
                                                                unsigned namespace_id,
                                                                unsigned depth) {
  std::unique_ptr<NvmeController> controller(new NvmeController());
  if (auto up = controller->bring_up(device); !up) return Failure(up.error());
  if (auto known = controller->identify(namespace_id); !known) return Failure(known.error());
  if (auto made = controller->make_queues(depth); !made) return Failure(made.error());
  return controller;
}

Expected<void> NvmeController::wait_ready(bool ready) const {
  // CAP.TO: how long it may take, in units of 500 ms.
  const auto units = static_cast<unsigned>((capabilities_ >> 24) & 0xff);
  const std::chrono::milliseconds most(500U * std::max(units, 1U));
  const auto begun = std::chrono::steady_clock::now();
  while ((registers_.read32(kStatus) & 1U) != (ready ? 1U : 0U)) {
    if (waited_too_long(begun, most)) {
      return fail(ErrorCode::io, kDriving, "",
                  fmt::format("it did not become {}ready", ready ? "" : "un"),
                  "reset the drive (echo 1 to its reset file in sysfs)");
    }
  }
  return {};
}

Expected<void> NvmeController::bring_up(const VfioDevice& device) {
  auto memory = Mapping::anonymous(Bytes{kMemoryBytes});
  if (!memory) return Failure(memory.error());
  memory_ = std::move(*memory);
  if (auto mapped = device.map_memory(memory_.bytes(), kBusAddress); !mapped) return mapped;
  auto registers = device.map_registers();
  if (!registers) return Failure(registers.error());
  registers_ = std::move(*registers);
  if (auto master = device.enable_bus_master(); !master) return master;
  capabilities_ = registers_.read64(kCapabilities);
  const auto page_shift_min = static_cast<unsigned>((capabilities_ >> 48) & 0xf);
  if (page_shift_min > 0) {
    return fail(ErrorCode::unsupported, kDriving, "", "it has no pages of 4 KiB");
  }
  registers_.write32(kConfiguration, 0);
  if (auto off = wait_ready(false); !off) return off;
  const auto stride_shift = static_cast<unsigned>((capabilities_ >> 32) & 0xf);
  auto* const base = memory_.as<std::byte>();
  admin_ = NvmeQueuePair(registers_, 0, kAdminEntries, base + kAdminCommandsAt,
                         base + kAdminAnswersAt, stride_shift);
  registers_.write32(kAdminSizes, ((kAdminEntries - 1) << 16) | (kAdminEntries - 1));
  registers_.write64(kAdminCommands, kBusAddress + kAdminCommandsAt);
  registers_.write64(kAdminAnswers, kBusAddress + kAdminAnswersAt);
  registers_.write32(kConfiguration, kSizes | kEnable);
  return wait_ready(true);
}

Expected<void> NvmeController::ask(NvmeCommand command, const char* what) {
  constexpr std::chrono::seconds kMost(10);
  admin_.place(command);
  admin_.ring();
  std::uint16_t status = 0;
  const auto begun = std::chrono::steady_clock::now();
  while (admin_.reap([&status](std::uint16_t, std::uint16_t got) { status = got; }) == 0) {
    if (waited_too_long(begun, kMost)) {
      return fail(ErrorCode::io, kDriving, what, "no answer within 10 s");
    }
  }
  if (status == 0) return {};
  return fail(ErrorCode::io, kDriving, what, fmt::format("refused with status {:#x}", status));
}

Expected<void> NvmeController::identify(unsigned namespace_id) {
  const std::byte* const answer = memory_.as<std::byte>() + kIdentifyAt;
  NvmeCommand command;
  command.opcode = kIdentify;
  command.data[0] = kBusAddress + kIdentifyAt;
  command.words[0] = 1;  // the controller
  if (auto asked = ask(command, "identify controller"); !asked) return asked;
  identity_.serial = text_of(answer + 4, 20);
  identity_.model = text_of(answer + 24, 40);
  const auto largest = number_at<std::uint8_t>(answer + 77);  // MDTS
  if (largest != 0) identity_.transfer_bytes_max = kPage << largest;
  command.namespace_id = namespace_id;
  command.words[0] = 0;  // the namespace
  if (auto asked = ask(command, "identify namespace"); !asked) return asked;
  identity_.blocks = number_at<std::uint64_t>(answer);
  const unsigned format = number_at<std::uint8_t>(answer + 26) & 0xfU;
  identity_.block_bytes = 1ULL << number_at<std::uint8_t>(answer + 128 + 4 * format + 2);
  return {};
}

Expected<void> NvmeController::make_queues(unsigned depth) {
  const auto most = static_cast<unsigned>(capabilities_ & 0xffff) + 1;
  const unsigned entries = depth + 1;  // a full queue looks like an empty one
  if (entries > std::min(most, kQueueEntriesMax)) {
    return fail(ErrorCode::invalid, kDriving, "",
                fmt::format("its queues have {} entries at most", std::min(most, kQueueEntriesMax)),
                "choose a smaller --depth");
  }
  const std::uint32_t sizes = ((entries - 1) << 16) | kQueueId;
  NvmeCommand command;
  command.opcode = kCreateAnswers;
  command.data[0] = kBusAddress + kAnswersAt;
  command.words[0] = sizes;
  command.words[1] = 1;  // contiguous; bit 1, interrupts, stays off
  if (auto made = ask(command, "create completion queue"); !made) return made;
  command.opcode = kCreateCommands;
  command.data[0] = kBusAddress + kCommandsAt;
  command.words[1] = (kQueueId << 16) | 1;
  if (auto made = ask(command, "create submission queue"); !made) return made;
  const auto stride_shift = static_cast<unsigned>((capabilities_ >> 32) & 0xf);
  auto* const base = memory_.as<std::byte>();
  queue_ = NvmeQueuePair(registers_, kQueueId, entries, base + kCommandsAt, base + kAnswersAt,
                         stride_shift);
  return {};
}

NvmeController::~NvmeController() {
  if (registers_.size() == 0) return;
  // What was written reaches the drive's medium before it is reset.
  constexpr std::chrono::seconds kMost(5);
  registers_.write32(kConfiguration, registers_.read32(kConfiguration) | kShutdown);
  const auto begun = std::chrono::steady_clock::now();
  while ((registers_.read32(kStatus) >> 2 & 3U) != 2U && !waited_too_long(begun, kMost)) {
  }
  registers_.write32(kConfiguration, 0);
  static_cast<void>(wait_ready(false));
}

}  // namespace assay::engine
