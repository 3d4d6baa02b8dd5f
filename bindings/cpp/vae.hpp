// SPDX-License-Identifier: MIT
// vae.hpp - libvae for C++17: the same handles, owned. Header-only; link with -lvae.
//
//     vae::model model(spec);                       // throws vae::error with the library's sentence
//     vae::trainer trainer(model, "optimizer adam lr=0.001", 128);
//     for (...) auto m = trainer.step(128, batch);  // m.loss, m.recon, m.rate
//     model.save("clothes.safetensors");
//
// Each class holds one handle, moves, does not copy, and gives it out by get(), so that every call of the C API stays in
// reach. Arrays are pointers, as in C.
//
// With VAE_NO_EXCEPTIONS, which is defined here where the compiler has exceptions switched off, nothing throws: each call that can fail
// gives a vae::result in place of its value, and create() stands for the constructors:
//
//     vae::result<vae::model> made = vae::model::create(spec);
//     if (!made) return report(made.status(), made.message());
//     vae::model &model = made.value();
#ifndef VAE_HPP
#define VAE_HPP

#include <cstddef>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vae/vae.h>

#if !defined(VAE_NO_EXCEPTIONS) && !defined(__cpp_exceptions)
#define VAE_NO_EXCEPTIONS
#endif

namespace vae {
// names of their own, so that files of both kinds may be linked together
#ifdef VAE_NO_EXCEPTIONS
inline namespace without_exceptions {
#endif

#ifndef VAE_NO_EXCEPTIONS
class error : public std::runtime_error {
  public:
    explicit error(vae_status_t status) : std::runtime_error(vae_last_error()), status_(status) {}
    vae_status_t status() const noexcept {
        return status_;
    }

  private:
    vae_status_t status_;
};

// what a call returns that can fail
template <class T> using returns = T;

inline void check(vae_status_t status) {
    if (status != VAE_OK) throw error(status);
}

namespace detail {
template <class T> T value(vae_status_t status, T &&made) {
    check(status);
    return std::move(made);
}
} // namespace detail
#else
// VAE_OK, or a status with the library's sentence
template <class T> class result;
template <> class [[nodiscard]] result<void> {
  public:
    explicit result(vae_status_t status) : status_(status), message_(status == VAE_OK ? "" : vae_last_error()) {}
    explicit operator bool() const noexcept {
        return status_ == VAE_OK;
    }
    vae_status_t status() const noexcept {
        return status_;
    }
    const std::string &message() const noexcept {
        return message_;
    }

  private:
    vae_status_t status_;
    std::string message_;
};

// the same with a value, which may be taken if the status is VAE_OK
template <class T> class [[nodiscard]] result : public result<void> {
  public:
    result(vae_status_t status, T &&value) : result<void>(status), value_(std::move(value)) {}
    T &value() noexcept {
        return value_;
    }

  private:
    T value_;
};

template <class T> using returns = result<T>;

inline result<void> check(vae_status_t status) {
    return result<void>(status);
}

namespace detail {
template <class T> result<T> value(vae_status_t status, T &&made) {
    return result<T>(status, std::move(made));
}
} // namespace detail
#endif

namespace detail {
template <class T, void (*destroy)(T *)> struct deleter {
    void operator()(T *p) const noexcept {
        destroy(p);
    }
};
template <class T, void (*destroy)(T *)> using handle = std::unique_ptr<T, deleter<T, destroy>>;

// a text that the C API writes into a buffer of the caller's
template <class F> returns<std::string> text(F &&call) {
    std::size_t needed = 0;
    vae_status_t status = call(nullptr, std::size_t{0}, &needed);
    std::string s(needed, '\0');
    if (needed > 0) status = call(&s[0], s.size(), &needed);
    if (needed > 0 && status == VAE_OK) s.resize(needed - 1);
    return value(status, std::move(s));
}
} // namespace detail

class context {
  public:
    // config: starts from the defaults
    static returns<vae_ctx_config_t> config() {
        vae_ctx_config_t c{};
        const vae_status_t status = vae_ctx_config_init(&c, sizeof c);
        return detail::value(status, std::move(c));
    }
    static returns<context> create(const vae_ctx_config_t &config) {
        vae_ctx_t *p = nullptr;
        const vae_status_t status = vae_ctx_create(&p, &config);
        return detail::value(status, context(p));
    }
#ifndef VAE_NO_EXCEPTIONS
    explicit context(const vae_ctx_config_t &config) : context(create(config)) {}
#endif
    vae_ctx_t *get() const noexcept {
        return ptr_.get();
    }

  private:
    explicit context(vae_ctx_t *p) noexcept : ptr_(p) {}
    detail::handle<vae_ctx_t, vae_ctx_destroy> ptr_;
};

class model {
  public:
    static returns<model> create(const std::string &spec, std::uint64_t seed = 0, const context *ctx = nullptr) {
        vae_model_t *p = nullptr;
        const vae_status_t status = vae_model_create(&p, ctx ? ctx->get() : nullptr, spec.c_str(), seed);
        return detail::value(status, model(p));
    }
#ifndef VAE_NO_EXCEPTIONS
    explicit model(const std::string &spec, std::uint64_t seed = 0, const context *ctx = nullptr) : model(create(spec, seed, ctx)) {}
#endif
    static returns<model> load(const std::string &path, const context *ctx = nullptr) {
        vae_model_t *p = nullptr;
        const vae_status_t status = vae_model_load(&p, ctx ? ctx->get() : nullptr, path.c_str());
        return detail::value(status, model(p));
    }
    static returns<model> load(const void *data, std::size_t size, const context *ctx = nullptr) {
        vae_model_t *p = nullptr;
        const vae_status_t status = vae_model_load_memory(&p, ctx ? ctx->get() : nullptr, data, size);
        return detail::value(status, model(p));
    }
    /* The autoencoder of another program's checkpoint: vae/import.h. */
    static returns<model> import_checkpoint(const std::string &path, const vae_import_options_t *options = nullptr,
                                            const context *ctx = nullptr) {
        vae_model_t *p = nullptr;
        const vae_status_t status = vae_model_import(&p, ctx ? ctx->get() : nullptr, path.c_str(), options);
        return detail::value(status, model(p));
    }
    returns<void> load_weights(const std::string &path) {
        return check(vae_model_load_weights(get(), path.c_str()));
    }
    returns<void> save(const std::string &path) const {
        return check(vae_model_save(get(), path.c_str()));
    }
    returns<std::string> spec() const {
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
    returns<void> set_input_size(std::int64_t height, std::int64_t width) {
        return check(vae_model_set_input_size(get(), height, width));
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
    static returns<session> create(const model &m, std::int64_t max_batch, std::uint64_t seed = 0) {
        vae_session_t *p = nullptr;
        vae_status_t status = vae_session_create(&p, m.get(), max_batch);
        if (status == VAE_OK) status = vae_session_seed(p, seed);
        return detail::value(status, session(p));
    }
#ifndef VAE_NO_EXCEPTIONS
    session(const model &m, std::int64_t max_batch, std::uint64_t seed = 0) : session(create(m, max_batch, seed)) {}
#endif
    // of another size than the model's, or of bounded memory; struct_size is set here
    static returns<session> create(const model &m, vae_session_config_t config) {
        vae_session_t *p = nullptr;
        config.struct_size = sizeof config;
        const vae_status_t status = vae_session_create_sized(&p, m.get(), &config);
        return detail::value(status, session(p));
    }
#ifndef VAE_NO_EXCEPTIONS
    session(const model &m, vae_session_config_t config) : session(create(m, config)) {}
#endif
    // borrowed, with the session's sizes
    const vae_model_t *own_model() const noexcept {
        return vae_session_model(get());
    }
    // from another thread or a signal handler: the call at work, or the next, fails with VAE_E_CANCELLED
    void cancel() noexcept {
        vae_session_cancel(get());
    }
    returns<void> encode(std::int64_t n, const float *x, float *mean, float *logvar = nullptr) {
        return check(vae_encode(get(), n, x, mean, logvar));
    }
    returns<void> decode(std::int64_t n, const float *z, float *x) {
        return check(vae_decode(get(), n, z, x));
    }
    returns<void> decode_rgba8(const float *z, std::uint8_t *pixels, std::size_t row_stride) {
        return check(vae_decode_rgba8(get(), z, pixels, row_stride));
    }
    returns<void> encode_codes(std::int64_t n, const float *x, std::int32_t *codes) {
        return check(vae_encode_codes(get(), n, x, codes));
    }
    returns<void> decode_codes(std::int64_t n, const std::int32_t *codes, float *x) {
        return check(vae_decode_codes(get(), n, codes, x));
    }
    returns<void> reconstruct(std::int64_t n, const float *x, float *y) {
        return check(vae_reconstruct(get(), n, x, y));
    }
    // of a batch: what the examples bring besides x (vae/batch.h); begin with vae::examples(n)
    returns<void> encode(const vae_batch_t &batch, float *mean, float *logvar = nullptr) {
        return check(vae_encode_batch(get(), &batch, mean, logvar));
    }
    returns<void> decode(const vae_batch_t &batch, const float *z, float *x) {
        return check(vae_decode_batch(get(), &batch, z, x));
    }
    returns<void> encode_codes(const vae_batch_t &batch, std::int32_t *codes) {
        return check(vae_encode_codes_batch(get(), &batch, codes));
    }
    returns<void> reconstruct(const vae_batch_t &batch, float *y) {
        return check(vae_reconstruct_batch(get(), &batch, y));
    }
    returns<void> sample(const vae_batch_t &batch, float *x) {
        return check(vae_sample_batch(get(), &batch, x));
    }
    returns<void> elbo(const vae_batch_t &batch, std::int64_t k, double *elbo, double *recon = nullptr, double *rate = nullptr) {
        return check(vae_elbo_batch(get(), &batch, k, elbo, recon, rate));
    }
    returns<void> sample(std::int64_t n, float *x, const float *noise = nullptr) {
        return check(vae_sample(get(), n, noise, x));
    }
    returns<void> elbo(std::int64_t n, const float *x, std::int64_t k, double *elbo, double *recon = nullptr, double *rate = nullptr,
                       const float *noise = nullptr) {
        return check(vae_elbo(get(), n, x, k, noise, elbo, recon, rate));
    }
    vae_session_t *get() const noexcept {
        return ptr_.get();
    }

  private:
    explicit session(vae_session_t *p) noexcept : ptr_(p) {}
    detail::handle<vae_session_t, vae_session_destroy> ptr_;
};

class trainer {
  public:
    // options: the text, "" for all defaults
    static returns<trainer> create(model &m, const std::string &options, std::int64_t max_batch) {
        vae_trainer_t *p = nullptr;
        const vae_status_t status = vae_trainer_create(&p, m.get(), options.c_str(), max_batch);
        return detail::value(status, trainer(p));
    }
#ifndef VAE_NO_EXCEPTIONS
    trainer(model &m, const std::string &options, std::int64_t max_batch) : trainer(create(m, options, max_batch)) {}
#endif
    returns<vae_metrics_t> step(std::int64_t n, const float *x) {
        vae_metrics_t m = fresh();
        const vae_status_t status = vae_trainer_step(get(), n, x, &m);
        return detail::value(status, std::move(m));
    }
    returns<vae_metrics_t> backward(std::int64_t n, const float *x, const float *noise = nullptr) {
        vae_metrics_t m = fresh();
        const vae_status_t status = vae_trainer_backward(get(), n, x, noise, &m);
        return detail::value(status, std::move(m));
    }
    returns<vae_metrics_t> step(const vae_batch_t &batch) {
        vae_metrics_t m = fresh();
        const vae_status_t status = vae_trainer_step_batch(get(), &batch, &m);
        return detail::value(status, std::move(m));
    }
    returns<vae_metrics_t> backward(const vae_batch_t &batch) {
        vae_metrics_t m = fresh();
        const vae_status_t status = vae_trainer_backward_batch(get(), &batch, &m);
        return detail::value(status, std::move(m));
    }
    returns<vae_metrics_t> apply() {
        vae_metrics_t m = fresh();
        const vae_status_t status = vae_trainer_apply(get(), &m);
        return detail::value(status, std::move(m));
    }
    returns<void> seed(std::uint64_t seed) {
        return check(vae_trainer_seed(get(), seed));
    }
    returns<void> save(const std::string &path) const {
        return check(vae_trainer_save(get(), path.c_str()));
    }
    returns<void> load(const std::string &path) {
        return check(vae_trainer_load(get(), path.c_str()));
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
    explicit trainer(vae_trainer_t *p) noexcept : ptr_(p) {}
    detail::handle<vae_trainer_t, vae_trainer_destroy> ptr_;
};

// The value of a measure over arrays of the caller's; ctx may be null, each as for vae_measure().
inline returns<double> measure(const std::string &text, const vae_measured_t &measured, double *each = nullptr, vae_ctx_t *ctx = nullptr) {
    double value = 0;
    const vae_status_t status = vae_measure(ctx, text.c_str(), &measured, &value, each);
    return detail::value(status, std::move(value));
}

// Gradients of losses by the examples themselves.
class gradient {
  public:
    static returns<gradient> create(const model &m, std::int64_t max_batch) {
        vae_gradient_t *p = nullptr;
        const vae_status_t status = vae_gradient_create(&p, m.get(), max_batch);
        return detail::value(status, gradient(p));
    }
#ifndef VAE_NO_EXCEPTIONS
    gradient(const model &m, std::int64_t max_batch) : gradient(create(m, max_batch)) {}
#endif
    returns<void> of_input(const vae_batch_t &batch, double *loss, float *dx) {
        return check(vae_input_gradient(get(), &batch, loss, dx));
    }
    vae_gradient_t *get() const noexcept {
        return ptr_.get();
    }

  private:
    explicit gradient(vae_gradient_t *p) noexcept : ptr_(p) {}
    detail::handle<vae_gradient_t, vae_gradient_destroy> ptr_;
};

// A detector of anomalies: add() normal examples, fit(), then score().
class anomaly {
  public:
    static returns<anomaly> create(const model &m, const std::string &score, std::int64_t max_batch) {
        vae_anomaly_t *p = nullptr;
        const vae_status_t status = vae_anomaly_create(&p, m.get(), score.c_str(), max_batch);
        return detail::value(status, anomaly(p));
    }
#ifndef VAE_NO_EXCEPTIONS
    anomaly(const model &m, const std::string &score, std::int64_t max_batch) : anomaly(create(m, score, max_batch)) {}
#endif
    static returns<anomaly> load(const std::string &path, std::int64_t max_batch, vae_ctx_t *ctx = nullptr) {
        vae_anomaly_t *p = nullptr;
        const vae_status_t status = vae_anomaly_load(&p, ctx, path.c_str(), max_batch);
        return detail::value(status, anomaly(p));
    }
    returns<void> add(const vae_batch_t &batch) {
        return check(vae_anomaly_add(get(), &batch));
    }
    returns<void> fit() {
        return check(vae_anomaly_fit(get()));
    }
    returns<void> score(const vae_batch_t &batch, float *score, double *p_value = nullptr) {
        return check(vae_anomaly_score(get(), &batch, score, p_value));
    }
    returns<double> threshold(double alpha, std::int32_t how = VAE_THRESHOLD_CONFORMAL) const {
        double t = 0;
        const vae_status_t status = vae_anomaly_threshold(get(), how, alpha, &t);
        return detail::value(status, std::move(t));
    }
    returns<void> save(const std::string &path) const {
        return check(vae_anomaly_save(get(), path.c_str()));
    }
    vae_anomaly_t *get() const noexcept {
        return ptr_.get();
    }

  private:
    explicit anomaly(vae_anomaly_t *p) noexcept : ptr_(p) {}
    detail::handle<vae_anomaly_t, vae_anomaly_destroy> ptr_;
};

#ifdef VAE_NO_EXCEPTIONS
} // namespace without_exceptions
#endif
} // namespace vae

#endif
