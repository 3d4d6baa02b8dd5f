// SPDX-License-Identifier: MIT
// vae.hpp - libvae for C++17: the same handles, owned. Header-only; link with -lvae.
//
//     vae::model model(spec);                       // throws vae::error with the library's sentence
//     vae::trainer trainer(model, "optimizer adam lr=0.001", 128);
//     for (...) auto m = trainer.step(128, batch);  // m.loss, m.recon, m.rate
//     model.save("clothes.safetensors");
//
// Each class holds one handle, moves, does not copy, and gives it out by get(), so that every call of the C API stays in
// reach. Arrays are pointers, as in C. Where exceptions are switched off, use the C API: it is complete without them.
#ifndef VAE_HPP
#define VAE_HPP

#include <cstddef>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <vae/vae.h>

namespace vae {

class error : public std::runtime_error {
  public:
    explicit error(vae_status_t status) : std::runtime_error(vae_last_error()), status_(status) {}
    vae_status_t status() const noexcept {
        return status_;
    }

  private:
    vae_status_t status_;
};

inline void check(vae_status_t status) {
    if (status != VAE_OK) throw error(status);
}

namespace detail {
template <class T, void (*destroy)(T *)> struct deleter {
    void operator()(T *p) const noexcept {
        destroy(p);
    }
};
template <class T, void (*destroy)(T *)> using handle = std::unique_ptr<T, deleter<T, destroy>>;

// a text that the C API writes into a buffer of the caller's
template <class F> std::string text(F &&call) {
    std::size_t needed = 0;
    const vae_status_t status = call(nullptr, std::size_t{0}, &needed);
    if (needed == 0) {
        check(status);
        return std::string();
    }
    std::string s(needed, '\0');
    check(call(&s[0], s.size(), &needed));
    s.resize(needed - 1);
    return s;
}
} // namespace detail

class context {
  public:
    // config: starts from the defaults
    static vae_ctx_config_t config() {
        vae_ctx_config_t c;
        check(vae_ctx_config_init(&c, sizeof c));
        return c;
    }
    explicit context(const vae_ctx_config_t &config) {
        vae_ctx_t *p = nullptr;
        check(vae_ctx_create(&p, &config));
        ptr_.reset(p);
    }
    vae_ctx_t *get() const noexcept {
        return ptr_.get();
    }

  private:
    detail::handle<vae_ctx_t, vae_ctx_destroy> ptr_;
};

class model {
  public:
    explicit model(const std::string &spec, std::uint64_t seed = 0, const context *ctx = nullptr) {
        vae_model_t *p = nullptr;
        check(vae_model_create(&p, ctx ? ctx->get() : nullptr, spec.c_str(), seed));
        ptr_.reset(p);
    }
    static model load(const std::string &path, const context *ctx = nullptr) {
        vae_model_t *p = nullptr;
        check(vae_model_load(&p, ctx ? ctx->get() : nullptr, path.c_str()));
        return model(p);
    }
    static model load(const void *data, std::size_t size, const context *ctx = nullptr) {
        vae_model_t *p = nullptr;
        check(vae_model_load_memory(&p, ctx ? ctx->get() : nullptr, data, size));
        return model(p);
    }
    /* The autoencoder of another program's checkpoint: vae/import.h. */
    static model import_checkpoint(const std::string &path, const vae_import_options_t *options = nullptr, const context *ctx = nullptr) {
        vae_model_t *p = nullptr;
        check(vae_model_import(&p, ctx ? ctx->get() : nullptr, path.c_str(), options));
        return model(p);
    }
    void load_weights(const std::string &path) {
        check(vae_model_load_weights(get(), path.c_str()));
    }
    void save(const std::string &path) const {
        check(vae_model_save(get(), path.c_str()));
    }
    std::string spec() const {
        return detail::text([this](char *b, std::size_t cap, std::size_t *n) { return vae_model_spec(get(), b, cap, n); });
    }
    std::int64_t input_size() const noexcept {
        return vae_model_input_size(get());
    }
    std::int64_t latent_size() const noexcept {
        return vae_model_latent_size(get());
    }
    std::int32_t latent_count() const noexcept {
        return vae_model_latent_count(get());
    }
    std::int64_t codes_per_example() const noexcept {
        return vae_model_codes_per_example(get());
    }
    std::int64_t codebook_size() const noexcept {
        return vae_model_codebook_size(get());
    }
    // no session and no trainer uses the model
    void set_input_size(std::int64_t height, std::int64_t width) {
        check(vae_model_set_input_size(get(), height, width));
    }
    std::int64_t class_count() const noexcept {
        return vae_model_class_count(get());
    }
    std::int64_t token_count() const noexcept {
        return vae_model_token_count(get());
    }
    std::int64_t condition_size() const noexcept {
        return vae_model_condition_size(get());
    }
    vae_model_t *get() const noexcept {
        return ptr_.get();
    }

  private:
    explicit model(vae_model_t *p) noexcept : ptr_(p) {}
    detail::handle<vae_model_t, vae_model_destroy> ptr_;
};

// n examples; set what they bring
inline vae_batch_t examples(std::int64_t n, const float *x = nullptr) noexcept {
    vae_batch_t batch{};
    batch.struct_size = sizeof batch;
    batch.n = n;
    batch.x = x;
    return batch;
}

class session {
  public:
    session(const model &m, std::int64_t max_batch, std::uint64_t seed = 0) {
        vae_session_t *p = nullptr;
        check(vae_session_create(&p, m.get(), max_batch));
        ptr_.reset(p);
        check(vae_session_seed(p, seed));
    }
    // of another size than the model's; struct_size is set here
    session(const model &m, vae_session_config_t config) {
        vae_session_t *p = nullptr;
        config.struct_size = sizeof config;
        check(vae_session_create_sized(&p, m.get(), &config));
        ptr_.reset(p);
    }
    // borrowed, with the session's sizes
    const vae_model_t *own_model() const noexcept {
        return vae_session_model(get());
    }
    // from another thread or a signal handler: the call at work, or the next, throws an error of VAE_E_CANCELLED
    void cancel() noexcept {
        vae_session_cancel(get());
    }
    void encode(std::int64_t n, const float *x, float *mean, float *logvar = nullptr) {
        check(vae_encode(get(), n, x, mean, logvar));
    }
    void decode(std::int64_t n, const float *z, float *x) {
        check(vae_decode(get(), n, z, x));
    }
    void decode_rgba8(const float *z, std::uint8_t *pixels, std::size_t row_stride) {
        check(vae_decode_rgba8(get(), z, pixels, row_stride));
    }
    void encode_codes(std::int64_t n, const float *x, std::int32_t *codes) {
        check(vae_encode_codes(get(), n, x, codes));
    }
    void decode_codes(std::int64_t n, const std::int32_t *codes, float *x) {
        check(vae_decode_codes(get(), n, codes, x));
    }
    void reconstruct(std::int64_t n, const float *x, float *y) {
        check(vae_reconstruct(get(), n, x, y));
    }
    // of a batch: what the examples bring besides x (vae/batch.h); begin with vae::examples(n)
    void encode(const vae_batch_t &batch, float *mean, float *logvar = nullptr) {
        check(vae_encode_batch(get(), &batch, mean, logvar));
    }
    void decode(const vae_batch_t &batch, const float *z, float *x) {
        check(vae_decode_batch(get(), &batch, z, x));
    }
    void encode_codes(const vae_batch_t &batch, std::int32_t *codes) {
        check(vae_encode_codes_batch(get(), &batch, codes));
    }
    void reconstruct(const vae_batch_t &batch, float *y) {
        check(vae_reconstruct_batch(get(), &batch, y));
    }
    void sample(const vae_batch_t &batch, float *x) {
        check(vae_sample_batch(get(), &batch, x));
    }
    void elbo(const vae_batch_t &batch, std::int64_t k, double *elbo, double *recon = nullptr, double *rate = nullptr) {
        check(vae_elbo_batch(get(), &batch, k, elbo, recon, rate));
    }
    void sample(std::int64_t n, float *x, const float *noise = nullptr) {
        check(vae_sample(get(), n, noise, x));
    }
    void elbo(std::int64_t n, const float *x, std::int64_t k, double *elbo, double *recon = nullptr, double *rate = nullptr,
              const float *noise = nullptr) {
        check(vae_elbo(get(), n, x, k, noise, elbo, recon, rate));
    }
    vae_session_t *get() const noexcept {
        return ptr_.get();
    }

  private:
    detail::handle<vae_session_t, vae_session_destroy> ptr_;
};

class trainer {
  public:
    // options: the text, "" for all defaults
    trainer(model &m, const std::string &options, std::int64_t max_batch) {
        vae_trainer_t *p = nullptr;
        check(vae_trainer_create(&p, m.get(), options.c_str(), max_batch));
        ptr_.reset(p);
    }
    vae_metrics_t step(std::int64_t n, const float *x) {
        vae_metrics_t m = fresh();
        check(vae_trainer_step(get(), n, x, &m));
        return m;
    }
    vae_metrics_t backward(std::int64_t n, const float *x, const float *noise = nullptr) {
        vae_metrics_t m = fresh();
        check(vae_trainer_backward(get(), n, x, noise, &m));
        return m;
    }
    vae_metrics_t step(const vae_batch_t &batch) {
        vae_metrics_t m = fresh();
        check(vae_trainer_step_batch(get(), &batch, &m));
        return m;
    }
    vae_metrics_t backward(const vae_batch_t &batch) {
        vae_metrics_t m = fresh();
        check(vae_trainer_backward_batch(get(), &batch, &m));
        return m;
    }
    vae_metrics_t apply() {
        vae_metrics_t m = fresh();
        check(vae_trainer_apply(get(), &m));
        return m;
    }
    void seed(std::uint64_t seed) {
        check(vae_trainer_seed(get(), seed));
    }
    void save(const std::string &path) const {
        check(vae_trainer_save(get(), path.c_str()));
    }
    void load(const std::string &path) {
        check(vae_trainer_load(get(), path.c_str()));
    }
    void cancel() noexcept {
        vae_trainer_cancel(get());
    } // as session::cancel()
    std::int64_t samples() const noexcept {
        return vae_trainer_samples(get());
    } // K; noise of backward() is [n][K][D]
    std::int64_t steps() const noexcept {
        return vae_trainer_steps(get());
    }
    vae_trainer_t *get() const noexcept {
        return ptr_.get();
    }

  private:
    static vae_metrics_t fresh() noexcept {
        vae_metrics_t m{};
        m.struct_size = sizeof m;
        return m;
    }
    detail::handle<vae_trainer_t, vae_trainer_destroy> ptr_;
};

// The value of a measure over arrays of the caller's; ctx may be null, each as for vae_measure().
inline double measure(const std::string &text, const vae_measured_t &measured, double *each = nullptr, vae_ctx_t *ctx = nullptr) {
    double value = 0;
    check(vae_measure(ctx, text.c_str(), &measured, &value, each));
    return value;
}

// Gradients of losses by the examples themselves.
class gradient {
  public:
    gradient(const model &m, std::int64_t max_batch) {
        vae_gradient_t *p = nullptr;
        check(vae_gradient_create(&p, m.get(), max_batch));
        ptr_.reset(p);
    }
    void of_input(const vae_batch_t &batch, double *loss, float *dx) {
        check(vae_input_gradient(get(), &batch, loss, dx));
    }
    vae_gradient_t *get() const noexcept {
        return ptr_.get();
    }

  private:
    detail::handle<vae_gradient_t, vae_gradient_destroy> ptr_;
};

// A detector of anomalies: add() normal examples, fit(), then score().
class anomaly {
  public:
    anomaly(const model &m, const std::string &score, std::int64_t max_batch) {
        vae_anomaly_t *p = nullptr;
        check(vae_anomaly_create(&p, m.get(), score.c_str(), max_batch));
        ptr_.reset(p);
    }
    static anomaly load(const std::string &path, std::int64_t max_batch, vae_ctx_t *ctx = nullptr) {
        vae_anomaly_t *p = nullptr;
        check(vae_anomaly_load(&p, ctx, path.c_str(), max_batch));
        return anomaly(p);
    }
    void add(const vae_batch_t &batch) {
        check(vae_anomaly_add(get(), &batch));
    }
    void fit() {
        check(vae_anomaly_fit(get()));
    }
    void score(const vae_batch_t &batch, float *score, double *p_value = nullptr) {
        check(vae_anomaly_score(get(), &batch, score, p_value));
    }
    double threshold(double alpha, std::int32_t how = VAE_THRESHOLD_CONFORMAL) const {
        double t = 0;
        check(vae_anomaly_threshold(get(), how, alpha, &t));
        return t;
    }
    void save(const std::string &path) const {
        check(vae_anomaly_save(get(), path.c_str()));
    }
    vae_anomaly_t *get() const noexcept {
        return ptr_.get();
    }

  private:
    explicit anomaly(vae_anomaly_t *p) : ptr_(p) {}
    detail::handle<vae_anomaly_t, vae_anomaly_destroy> ptr_;
};

} // namespace vae

#endif
