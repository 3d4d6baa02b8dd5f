// SPDX-License-Identifier: MIT
// Vae.cs - libvae for C#, one file for .NET, mono, Unity and Godot: models, sessions and trainers that own their handles.
//
//     using (var model = Vae.Model.Load("clothes.safetensors"))
//     using (var session = model.Session(64))
//         pictures = session.Sample(64);       // float[64 * model.InputSize]
//
// Arrays hold whole examples one after the other, so that their length tells the number of examples; it is checked before a call, and the
// library works on them where they are. A call that fails throws VaeException with the status and the library's sentence. A model may be
// read by sessions on any number of threads at once; while its trainer makes a step, no session may be inside of a call; one thread at a
// time uses a session or a trainer. Native lists every function of the C interface, for what has no method here.
//
// The shared library is looked for as "vae": libvae.so, libvae.dylib or vae.dll beside the program or where the system looks.
using System;
using System.Runtime.InteropServices;
using System.Text;

namespace Vae
{
    // declarations of include/vae: begin, written by scripts/make_declarations.py
    public enum Status
    {
        Ok = 0,
        Arg = -1,
        Shape = -2,
        Spec = -3,
        Nomem = -4,
        Io = -5,
        Format = -6,
        Version = -7,
        Unsupported = -8,
        State = -9,
        Numeric = -10,
        Callback = -11,
        Limit = -12,
        Cancelled = -13,
    }
    [StructLayout(LayoutKind.Sequential)]
    public struct CtxConfig
    {
        public uint StructSize;
        public uint Flags;
        public int Arith;
        public int Isa;
        public int Threads;
        public int Reserved;
        public ulong MemLimit;
        public IntPtr User;
        public IntPtr Alloc;
        public IntPtr Free;
        public IntPtr ParallelFor;
        public IntPtr Log;
        public IntPtr ReservedHook;
    }
    [StructLayout(LayoutKind.Sequential)]
    public struct Option
    {
        public uint StructSize;
        public uint Flags;
        public IntPtr Name;
        public IntPtr Type;
        public IntPtr DefaultValue;
        public IntPtr Range;
        public IntPtr Text;
    }
    [StructLayout(LayoutKind.Sequential)]
    public struct ImportOptions
    {
        public uint StructSize;
        public uint Flags;
        public long Height;
        public long Width;
        public double Factor;
        public double Shift;
    }
    [StructLayout(LayoutKind.Sequential)]
    public struct Batch
    {
        public uint StructSize;
        public uint Flags;
        public long N;
        public IntPtr X;
        public IntPtr Label;
        public IntPtr Condition;
        public IntPtr Codes;
        public IntPtr Noise;
        public IntPtr Weight;
        public IntPtr Length;
    }
    [StructLayout(LayoutKind.Sequential)]
    public struct SessionConfig
    {
        public uint StructSize;
        public uint Flags;
        public long MaxBatch;
        public long Height;
        public long Width;
        public ulong MemoryBudget;
    }
    [StructLayout(LayoutKind.Sequential)]
    public struct Metrics
    {
        public uint StructSize;
        public uint Flags;
        public long Step;
        public double Loss;
        public double Recon;
        public double Rate;
        public double Beta;
        public double Lr;
        public double GradNorm;
        public double Aux;
        public double Perplexity;
        public double CodesUsed;
        public double DeadCodes;
        public double QuantizationError;
        public long Latents;
        [MarshalAs(UnmanagedType.ByValArray, SizeConst = 16)]
        public double[] LatentRate;
        public double CriticLoss;
        public double CriticAccuracy;
    }
    [StructLayout(LayoutKind.Sequential)]
    public struct Optimizer
    {
        public uint StructSize;
        public int Slots;
        public IntPtr User;
        public IntPtr Name;
        public IntPtr Step;
    }
    [StructLayout(LayoutKind.Sequential)]
    public struct Measured
    {
        public uint StructSize;
        public uint Flags;
        public long N;
        public long Height;
        public long Width;
        public long Channels;
        public long Latents;
        public long Factors;
        public IntPtr X;
        public IntPtr Y;
        public IntPtr Mean;
        public IntPtr Logvar;
        public IntPtr Factor;
        public IntPtr Bound;
        public IntPtr Rate;
        public IntPtr Score;
    }
    internal static class Native
    {
        const string Library = "vae";
        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern uint vae_version_number();
        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern IntPtr vae_version_string();
        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern IntPtr vae_build_info();
        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern IntPtr vae_status_name(int status);
        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern IntPtr vae_status_string(int status);
        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern IntPtr vae_last_error();
        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int vae_ctx_config_init(ref CtxConfig config, UIntPtr size);
        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int vae_ctx_create(out IntPtr result, ref CtxConfig config);
        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern void vae_ctx_destroy(IntPtr ctx);
        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern IntPtr vae_ctx_isa(IntPtr ctx);
        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern ulong vae_ctx_bytes_in_use(IntPtr ctx);
        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int vae_tensor_create(out IntPtr result, IntPtr ctx, int dtype, int ndim, long[] shape);
        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int vae_tensor_wrap(out IntPtr result, IntPtr ctx, int dtype, int ndim, long[] shape, IntPtr data);
        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern void vae_tensor_destroy(IntPtr tensor);
        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int vae_tensor_dtype(IntPtr tensor);
        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int vae_tensor_ndim(IntPtr tensor);
        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern IntPtr vae_tensor_shape(IntPtr tensor);
        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern IntPtr vae_tensor_data(IntPtr tensor);
        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern IntPtr vae_registry_kind(int i);
        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int vae_registry_count(byte[] kind);
        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern IntPtr vae_registry_name(byte[] kind, int i);
        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int vae_registry_option(byte[] kind, byte[] name, int i, ref Option option);
        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int vae_registry_text(byte[] kind, byte[] name, byte[] buf, UIntPtr cap, UIntPtr[] needed);
        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int vae_spec_canonical(byte[] text, byte[] buf, UIntPtr cap, UIntPtr[] needed);
        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int vae_spec_set(byte[] text, byte[] path, byte[] value, byte[] buf, UIntPtr cap, UIntPtr[] needed);
        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int vae_spec_get(byte[] text, byte[] path, byte[] buf, UIntPtr cap, UIntPtr[] needed);
        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int vae_model_create(out ModelHandle result, IntPtr ctx, byte[] spec, ulong seed);
        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int vae_model_load(out ModelHandle result, IntPtr ctx, byte[] path);
        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int vae_model_load_memory(out ModelHandle result, IntPtr ctx, IntPtr data, UIntPtr size);
        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int vae_model_load_weights(ModelHandle model, byte[] path);
        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int vae_model_save(ModelHandle model, byte[] path);
        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int vae_model_save_memory(ModelHandle model, IntPtr data, UIntPtr cap, UIntPtr[] needed);
        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern void vae_model_destroy(IntPtr model);
        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int vae_model_spec(ModelHandle model, byte[] buf, UIntPtr cap, UIntPtr[] needed);
        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int vae_model_plan(ModelHandle model, long n, int training, int format, byte[] buf, UIntPtr cap, UIntPtr[] needed);
        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern long vae_model_input_size(ModelHandle model);
        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern long vae_model_latent_size(ModelHandle model);
        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int vae_model_latent_count(ModelHandle model);
        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int vae_model_input_shape(ModelHandle model, long[] shape);
        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int vae_model_latent_shape(ModelHandle model, long[] shape);
        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int vae_model_latent_shape_at(ModelHandle model, int index, long[] shape);
        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern long vae_model_codes_per_example(ModelHandle model);
        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern long vae_model_codebook_size(ModelHandle model);
        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern long vae_model_class_count(ModelHandle model);
        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern long vae_model_token_count(ModelHandle model);
        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern long vae_model_condition_size(ModelHandle model);
        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern long vae_model_param_count(ModelHandle model);
        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern long vae_model_param_total(ModelHandle model);
        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int vae_model_param(ModelHandle model, long index, out IntPtr result, out IntPtr name);
        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int vae_model_param_find(ModelHandle model, byte[] name, long[] index);
        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int vae_model_set_param(ModelHandle model, long index, float[] values, long count);
        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int vae_model_set_input_size(ModelHandle model, long height, long width);
        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int vae_model_import(out ModelHandle result, IntPtr ctx, byte[] path, ref ImportOptions options);
        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int vae_import_describe(IntPtr ctx, byte[] path, byte[] buf, UIntPtr cap, UIntPtr[] needed);
        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int vae_session_create(out SessionHandle result, ModelHandle model, long max_batch);
        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int vae_session_create_sized(out SessionHandle result, ModelHandle model, ref SessionConfig config);
        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern IntPtr vae_session_model(SessionHandle session);
        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern void vae_session_destroy(IntPtr session);
        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int vae_session_bytes(ModelHandle model, long max_batch, ulong[] bytes);
        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int vae_session_bytes_sized(ModelHandle model, ref SessionConfig config, ulong[] bytes);
        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int vae_session_seed(SessionHandle session, ulong seed);
        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern void vae_session_cancel(SessionHandle session);
        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int vae_encode(SessionHandle session, long n, float[] x, float[] mean, float[] logvar);
        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int vae_encode_batch(SessionHandle session, ref Batch batch, float[] mean, float[] logvar);
        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int vae_decode(SessionHandle session, long n, float[] z, float[] x);
        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int vae_decode_batch(SessionHandle session, ref Batch batch, float[] z, float[] x);
        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int vae_decode_rgba8(SessionHandle session, float[] z, byte[] pixels, UIntPtr row_stride);
        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int vae_encode_codes(SessionHandle session, long n, float[] x, int[] codes);
        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int vae_encode_codes_batch(SessionHandle session, ref Batch batch, int[] codes);
        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int vae_decode_codes(SessionHandle session, long n, int[] codes, float[] x);
        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern UIntPtr vae_codes_packed_bytes(long count, long K);
        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int vae_codes_pack(long count, long K, int[] codes, byte[] bytes, UIntPtr cap);
        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int vae_codes_unpack(long count, long K, byte[] bytes, UIntPtr size, int[] codes);
        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int vae_reconstruct(SessionHandle session, long n, float[] x, float[] y);
        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int vae_reconstruct_batch(SessionHandle session, ref Batch batch, float[] y);
        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int vae_sample(SessionHandle session, long n, float[] noise, float[] x);
        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int vae_sample_batch(SessionHandle session, ref Batch batch, float[] x);
        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int vae_elbo(SessionHandle session, long n, float[] x, long k, float[] noise, double[] elbo, double[] recon, double[] rate);
        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int vae_elbo_batch(SessionHandle session, ref Batch batch, long k, double[] elbo, double[] recon, double[] rate);
        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int vae_trainer_create(out TrainerHandle result, ModelHandle model, byte[] options, long max_batch);
        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern void vae_trainer_destroy(IntPtr trainer);
        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int vae_trainer_bytes(ModelHandle model, byte[] options, long max_batch, ulong[] bytes);
        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int vae_trainer_min_batch(ModelHandle model, byte[] options, long[] n);
        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int vae_trainer_options(TrainerHandle trainer, byte[] buf, UIntPtr cap, UIntPtr[] needed);
        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int vae_trainer_seed(TrainerHandle trainer, ulong seed);
        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int vae_trainer_step(TrainerHandle trainer, long n, float[] x, ref Metrics metrics);
        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int vae_trainer_step_batch(TrainerHandle trainer, ref Batch batch, ref Metrics metrics);
        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int vae_trainer_backward(TrainerHandle trainer, long n, float[] x, float[] noise, ref Metrics metrics);
        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int vae_trainer_backward_batch(TrainerHandle trainer, ref Batch batch, ref Metrics metrics);
        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern void vae_trainer_cancel(TrainerHandle trainer);
        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int vae_trainer_apply(TrainerHandle trainer, ref Metrics metrics);
        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int vae_trainer_grad(TrainerHandle trainer, long index, out IntPtr result);
        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int vae_trainer_set_optimizer(TrainerHandle trainer, ref Optimizer optimizer);
        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int vae_trainer_set_lr(TrainerHandle trainer, double lr);
        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern long vae_trainer_samples(TrainerHandle trainer);
        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern long vae_trainer_steps(TrainerHandle trainer);
        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int vae_trainer_save(TrainerHandle trainer, byte[] path);
        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int vae_trainer_load(TrainerHandle trainer, byte[] path);
        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int vae_measure_reads(byte[] text, uint[] reads);
        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int vae_measure(IntPtr ctx, byte[] text, ref Measured measured, double[] value, double[] each);
        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int vae_anomaly_create(out IntPtr result, ModelHandle model, byte[] score, long max_batch);
        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern void vae_anomaly_destroy(IntPtr anomaly);
        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int vae_anomaly_add(IntPtr anomaly, ref Batch batch);
        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int vae_anomaly_fit(IntPtr anomaly);
        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int vae_anomaly_score(IntPtr anomaly, ref Batch batch, float[] score, double[] p_value);
        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int vae_anomaly_threshold(IntPtr anomaly, int how, double alpha, double[] threshold);
        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern long vae_anomaly_count(IntPtr anomaly);
        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern IntPtr vae_anomaly_scores(IntPtr anomaly);
        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int vae_anomaly_text(IntPtr anomaly, byte[] buf, UIntPtr cap, UIntPtr[] needed);
        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern IntPtr vae_anomaly_model(IntPtr anomaly);
        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int vae_anomaly_save(IntPtr anomaly, byte[] path);
        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int vae_anomaly_load(out IntPtr result, IntPtr ctx, byte[] path, long max_batch);
        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int vae_gradient_create(out IntPtr result, ModelHandle model, long max_batch);
        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern void vae_gradient_destroy(IntPtr gradient);
        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int vae_input_gradient(IntPtr gradient, ref Batch batch, double[] loss, float[] dx);
    }
    // declarations of include/vae: end

    public sealed class VaeException : Exception
    {
        public readonly Status Status;
        internal VaeException(Status status, string message) : base(message) { Status = status; }

        /// The sentence belongs to this thread and is valid until its next failure, so it is copied at once.
        internal static void Check(int status)
        {
            if (status != (int)Status.Ok) throw new VaeException((Status)status, Text.Of(Native.vae_last_error()));
        }
        internal static void Check(bool allowed, string sentence)
        {
            if (!allowed) throw new VaeException(Status.Arg, sentence);
        }
    }

    /// A handle of the library: freed once, and not while a call uses it.
    public abstract class Handle : SafeHandle
    {
        internal Handle() : base(IntPtr.Zero, true) { }
        public override bool IsInvalid { get { return handle == IntPtr.Zero; } }
    }
    public sealed class ModelHandle : Handle
    {
        protected override bool ReleaseHandle() { Native.vae_model_destroy(handle); return true; }
    }
    public sealed class SessionHandle : Handle
    {
        protected override bool ReleaseHandle() { Native.vae_session_destroy(handle); return true; }
    }
    public sealed class TrainerHandle : Handle
    {
        protected override bool ReleaseHandle() { Native.vae_trainer_destroy(handle); return true; }
    }

    /// Texts of the library are UTF-8 with a final NUL.
    internal static class Text
    {
        internal static byte[] Bytes(string text)
        {
            if (text == null) return null;
            VaeException.Check(text.IndexOf('\0') < 0, "text: has a NUL");
            return Encoding.UTF8.GetBytes(text + "\0");
        }
        internal static string Of(IntPtr text)
        {
            if (text == IntPtr.Zero) return "";
            int length = 0;
            while (Marshal.ReadByte(text, length) != 0) length++;
            var bytes = new byte[length];
            Marshal.Copy(text, bytes, 0, length);
            return Encoding.UTF8.GetString(bytes);
        }
    }

    public static class Library
    {
        public static string Version { get { return Text.Of(Native.vae_version_string()); } }
    }

    public sealed class Model : IDisposable
    {
        public readonly ModelHandle Handle;
        /// S, the number of floats of one example.
        public readonly int InputSize;
        /// D, the number of floats of all latents of one example.
        public readonly int LatentSize;
        /// The sizes of one example, channels last.
        public readonly long[] InputShape;

        Model(ModelHandle handle)
        {
            Handle = handle;
            InputSize = checked((int)Native.vae_model_input_size(handle));
            LatentSize = checked((int)Native.vae_model_latent_size(handle));
            InputShape = new long[4];
            Array.Resize(ref InputShape, Native.vae_model_input_shape(handle, InputShape));
        }

        /// A model from its text, with fresh parameters: equal seeds give equal parameters on every machine.
        public static Model Create(string spec, ulong seed = 0)
        {
            ModelHandle handle;
            VaeException.Check(Native.vae_model_create(out handle, IntPtr.Zero, Text.Bytes(spec), seed));
            return new Model(handle);
        }
        /// A model from a file.
        public static Model Load(string path)
        {
            ModelHandle handle;
            VaeException.Check(Native.vae_model_load(out handle, IntPtr.Zero, Text.Bytes(path)));
            return new Model(handle);
        }
        /// A model from the bytes of a file: of a TextAsset in Unity, of FileAccess in Godot.
        public static Model Load(byte[] bytes)
        {
            ModelHandle handle;
            VaeException.Check(bytes != null, "bytes: is null");
            var pinned = GCHandle.Alloc(bytes, GCHandleType.Pinned);
            try
            {
                var size = (UIntPtr)(ulong)bytes.Length;
                VaeException.Check(Native.vae_model_load_memory(out handle, IntPtr.Zero, pinned.AddrOfPinnedObject(), size));
            }
            finally { pinned.Free(); }
            return new Model(handle);
        }
        /// Writes the model to a file; an old file survives any failure.
        public void Save(string path) { VaeException.Check(Native.vae_model_save(Handle, Text.Bytes(path))); }

        /// The canonical text, with every default written out.
        public string Spec()
        {
            var needed = new UIntPtr[1];
            int status = Native.vae_model_spec(Handle, null, UIntPtr.Zero, needed);
            if (needed[0] == UIntPtr.Zero) VaeException.Check(status);
            var text = new byte[(int)needed[0]];
            VaeException.Check(Native.vae_model_spec(Handle, text, needed[0], needed));
            return Encoding.UTF8.GetString(text, 0, text.Length - 1);
        }
        /// The scratch memory for calls on up to maxBatch examples at once; calls with more are split.
        public Session Session(long maxBatch = 1, ulong seed = 0) { return new Session(this, maxBatch, seed); }
        /// options: the sections of a training; null for all defaults.
        public Trainer Trainer(string options, long maxBatch) { return new Trainer(this, options, maxBatch); }
        public void Dispose() { Handle.Dispose(); }

        internal static int Examples(string what, float[] x, int size)
        {
            VaeException.Check(x != null, what + ": is null");
            VaeException.Check(size > 0 && x.Length % size == 0, what + ": has " + x.Length + " values, wanted a multiple of " + size);
            return x.Length / size;
        }
    }

    /// The posterior of n examples: means and logarithms of variances, each [n][D].
    public struct Posterior
    {
        public float[] Mean, Logvar;
    }

    /// Scores of n examples in nats, each [n].
    public struct Scores
    {
        public double[] Elbo, Recon, Rate;
    }

    public sealed class Session : IDisposable
    {
        public readonly SessionHandle Handle;
        readonly Model model;

        internal Session(Model model, long maxBatch, ulong seed)
        {
            this.model = model;
            VaeException.Check(Native.vae_session_create(out Handle, model.Handle, maxBatch));
            VaeException.Check(Native.vae_session_seed(Handle, seed));
        }
        /// x [n][S] to the parameters of the posterior. Nothing is drawn.
        public Posterior Encode(float[] x)
        {
            int n = Model.Examples("Encode: x", x, model.InputSize);
            var p = new Posterior { Mean = new float[checked(n * model.LatentSize)], Logvar = new float[n * model.LatentSize] };
            VaeException.Check(Native.vae_encode(Handle, n, x, p.Mean, p.Logvar));
            return p;
        }
        /// z [n][D] to the mean of the likelihood, [n][S].
        public float[] Decode(float[] z)
        {
            var x = new float[checked(Model.Examples("Decode: z", z, model.LatentSize) * model.InputSize)];
            Decode(z, x);
            return x;
        }
        /// The same into an array of the caller's: nothing is allocated, so a game calls it inside of a frame.
        public void Decode(float[] z, float[] x)
        {
            int n = Model.Examples("Decode: z", z, model.LatentSize);
            VaeException.Check(Model.Examples("Decode: x", x, model.InputSize) == n, "Decode: x and z have unlike numbers of examples");
            VaeException.Check(Native.vae_decode(Handle, n, z, x));
        }
        /// One latent z [D] to pixels R G B A, rows from the top: for Texture2D.LoadRawTextureData in Unity, Image.CreateFromData in Godot.
        public void DecodeRgba8(float[] z, byte[] pixels)
        {
            VaeException.Check(Model.Examples("DecodeRgba8: z", z, model.LatentSize) == 1, "DecodeRgba8: z is not one latent");
            // a model that makes no images is refused by the library, before it writes
            long height = model.InputShape[0], width = model.InputShape.Length == 3 ? model.InputShape[1] : 0, wanted = height * width * 4;
            VaeException.Check(pixels != null && pixels.LongLength >= wanted, "DecodeRgba8: pixels has fewer than " + wanted + " bytes");
            VaeException.Check(Native.vae_decode_rgba8(Handle, z, pixels, (UIntPtr)(ulong)(width * 4)));
        }
        /// Encodes and decodes the posterior mean: x [n][S] to [n][S].
        public float[] Reconstruct(float[] x)
        {
            int n = Model.Examples("Reconstruct: x", x, model.InputSize);
            var y = new float[x.Length];
            VaeException.Check(Native.vae_reconstruct(Handle, n, x, y));
            return y;
        }
        /// n new examples [n][S] from the model's prior.
        public float[] Sample(int n)
        {
            VaeException.Check(n >= 0, "Sample: n is " + n + ", wanted 0 or more");
            var x = new float[checked(n * model.InputSize)];
            VaeException.Check(Native.vae_sample(Handle, n, null, x));
            return x;
        }
        /// The bound on log p(x) of each example, by k samples.
        public Scores Elbo(float[] x, long k = 1)
        {
            int n = Model.Examples("Elbo: x", x, model.InputSize);
            var s = new Scores { Elbo = new double[n], Recon = new double[n], Rate = new double[n] };
            VaeException.Check(Native.vae_elbo(Handle, n, x, k, null, s.Elbo, s.Recon, s.Rate));
            return s;
        }
        /// Cancels the call that runs, or the next one; from any thread.
        public void Cancel() { Native.vae_session_cancel(Handle); }
        public void Dispose() { Handle.Dispose(); }
    }

    public sealed class Trainer : IDisposable
    {
        public readonly TrainerHandle Handle;
        readonly Model model;

        internal Trainer(Model model, string options, long maxBatch)
        {
            this.model = model;
            VaeException.Check(Native.vae_trainer_create(out Handle, model.Handle, Text.Bytes(options), maxBatch));
        }
        /// One step on x [n][S]. After an exception, for instance for NaN in x, model and trainer are as before.
        public Metrics Step(float[] x)
        {
            int n = Model.Examples("Step: x", x, model.InputSize);
            var metrics = new Metrics { StructSize = (uint)Marshal.SizeOf(typeof(Metrics)) };
            VaeException.Check(Native.vae_trainer_step(Handle, n, x, ref metrics));
            return metrics;
        }
        /// The steps that were made so far.
        public long Steps { get { return Native.vae_trainer_steps(Handle); } }
        public void Seed(ulong seed) { VaeException.Check(Native.vae_trainer_seed(Handle, seed)); }
        public void SetLearningRate(double lr) { VaeException.Check(Native.vae_trainer_set_lr(Handle, lr)); }
        /// Writes a checkpoint, from which Load continues bit for bit.
        public void Save(string path) { VaeException.Check(Native.vae_trainer_save(Handle, Text.Bytes(path))); }
        public void Load(string path) { VaeException.Check(Native.vae_trainer_load(Handle, Text.Bytes(path))); }
        /// Cancels the step that runs, or the next one; from any thread.
        public void Cancel() { Native.vae_trainer_cancel(Handle); }
        public void Dispose() { Handle.Dispose(); }
    }
}
