// The steps of the hierarchy that other techniques measure: pipe, socket, storage.
#include <array>

#include "engine/memory_blocks.hpp"

namespace assay::engine {
namespace {

struct Lender {
  std::string_view variant, technique;
};
constexpr std::array kLenders{Lender{"pipe", "ipc.pipe"}, Lender{"socket", "ipc.unix"},
                              Lender{"storage", "storage.direct"}};

// Another technique's block with parameters of its own, which have to live as long as it does.
class BorrowedBlock final : public Block {
 public:
  explicit BorrowedBlock(const BlockContext& context)
      : parameters_(borrowed_parameters(*context.parameters)) {}

  Expected<void> start(BlockContext context) {
    const Technique* lender = find_technique(lender_of(context.parameters->variant));
    if (lender == nullptr) {
      return fail(ErrorCode::invalid, "measure", context.parameters->variant, "no such technique");
    }
    context.parameters = &parameters_;
    auto made = lender->make(context);
    if (!made) return Failure(made.error());
    block_ = std::move(*made);
    return {};
  }

  Expected<void> warm_up() override { return block_->warm_up(); }
  Expected<void> run(Nanoseconds duration, Recorder& recorder) override {
    return block_->run(duration, recorder);
  }
  Engagement engagement() override { return block_->engagement(); }
  Verification verification() override { return block_->verification(); }

 private:
  const Parameters parameters_;
  std::unique_ptr<Block> block_;  // destroyed before its parameters
};

}  // namespace

std::string_view lender_of(std::string_view variant) {
  for (const Lender& lender : kLenders) {
    if (lender.variant == variant) return lender.technique;
  }
  return {};
}

Parameters borrowed_parameters(const Parameters& parameters) {
  Parameters own;
  own.path = parameters.path;
  own.directory = parameters.directory;
  own.size = parameters.size;
  own.variant = parameters.variant;
  if (parameters.variant == "storage") {
    own.direct = true;
    own.regime = Regime::device;
  }
  return own;
}

Expected<std::unique_ptr<Block>> make_borrowed_block(const BlockContext& context) {
  auto block = std::make_unique<BorrowedBlock>(context);
  if (auto started = block->start(context); !started) return Failure(started.error());
  return block;
}

}  // namespace assay::engine
