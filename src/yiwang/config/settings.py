"""Settings of every process. Facts of a place (address, keys, zone) come from the environment; nothing secret lies in the repository."""

import os
from pathlib import Path

from csp.constants import NONE, SELF

from yiwang.config import home, spatial

BASE_DIR = Path(__file__).resolve().parents[1]
HOME = home.home()  # YIWANG_HOME, default var/: cluster, keys, files, logs
SECRET_KEY = home.secret("django.key")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before numpy: every worker is one core's; BLAS threads that wait for each other made a search 8 times dearer
DEBUG = os.environ.get("YIWANG_DEBUG") == "1"
ZONE = os.environ.get("YIWANG_ZONE", "all")  # internet | extranet | exchange | all
ALLOWED_HOSTS = os.environ.get("YIWANG_HOSTS", "localhost,127.0.0.1,[::1]").split(",")
PUBLIC_URL = os.environ.get("YIWANG_PUBLIC_URL", "http://localhost:8000")  # printed in QR codes and sealed documents
STREAM_URL = os.environ.get("YIWANG_STREAM_URL", "")  # the event stream's address as browsers see it; empty: pages do not listen
NODE_USCC = os.environ.get("YIWANG_USCC", "11440800007021234D")  # credit code under which this node numbers what has no national code
CITY = os.environ.get("YIWANG_CITY", "440800")  # GB/T 2260 code of the node's own division
CITY_NAME = os.environ.get("YIWANG_CITY_NAME", "湛江")
CITY_NOTICE = os.environ.get("YIWANG_NOTICE", "")  # shown on every page of an installation whose data are invented: 演示

GDAL_LIBRARY_PATH, GEOS_LIBRARY_PATH = spatial.libraries()

ENGINES = ["audit", "parties", "places", "messages", "registers", "ledger", "documents", "procedures", "indicators"]
PLATFORMS = ["identity", "items", "licences", "payments", "patrols", "incidents"]
SYSTEMS = ("services.network", "services.acceptance", "services.evaluation", "governance.river_chief", "welfare.online_petition")

DECLARATIONS = "yiwang.config.systems.SYSTEMS"
PROCRASTINATE_AUTODISCOVER_MODULE_NAME = "jobs"
PROCRASTINATE_WORKER_DEFAULTS = {"update_heartbeat_interval": 3, "stalled_worker_timeout": 15}  # seconds until the jobs of a dead worker are taken up

INSTALLED_APPS = [
    "yiwang.kit",
    *(f"yiwang.engines.{name}" for name in ENGINES),
    *(f"yiwang.platforms.{name}" for name in PLATFORMS),
    *(f"yiwang.systems.{name}" for name in SYSTEMS),
    "yiwang.shells",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.gis",
    "django.contrib.postgres",
    "django.contrib.humanize",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.usersessions",
    "axes",
    "csp",
    "django_htmx",
    "procrastinate.contrib.django",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "yiwang.platforms.identity.middleware.ActorMiddleware",
    "yiwang.shells.errors.ErrorMiddleware",
    "yiwang.shells.once.OnceMiddleware",
    "axes.middleware.AxesMiddleware",
]

ROOT_URLCONF = "yiwang.config.urls"
WSGI_APPLICATION = "yiwang.config.wsgi.application"
APPEND_SLASH = False

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "shells" / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "yiwang.shells.chrome.chrome",
            ],
            "builtins": ["django.templatetags.static", "yiwang.shells.templatetags.words"],
        },
    }
]

FORM_RENDERER = "yiwang.shells.inputs.Renderer"

DATABASES = {"default": home.database()}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_USER_MODEL = "identity.Account"
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "yiwang.platforms.identity.doors.AccountBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
    {"NAME": "yiwang.platforms.identity.passwords.MixedValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "/"
ACCOUNT_LOGIN_METHODS = {"username"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_ADAPTER = "yiwang.platforms.identity.adapters.AccountAdapter"
ACCOUNT_FORMS = {
    "signup": "yiwang.platforms.identity.forms.SignupForm",
    "login": "yiwang.platforms.identity.forms.LoginForm",
    "change_password": "yiwang.platforms.identity.forms.ChangePasswordForm",
    "reset_password_from_key": "yiwang.platforms.identity.forms.ResetPasswordForm",
    "reauthenticate": "yiwang.platforms.identity.forms.ReauthenticateForm",
}
ACCOUNT_RATE_LIMITS = {  # a service hall has one address for everybody in it; a wrong password is counted for the account as well
    "login": "600/m/ip",  # at half past eight a whole office comes from one address; guessing is held by the next line
    "signup": "60/m/ip",
    "login_failed": "30/m/ip,10/5m/key",
    "sign_up_name": "5/d/key",  # wrong names tried with one citizen number
    "look_up": "20/h/user",  # names tried with numbers of agents and enterprises
}
CACHES = {  # limits on tries and codes already used hold over all processes, so they lie in the database
    "default": {"BACKEND": "django.core.cache.backends.db.DatabaseCache", "LOCATION": "identity_cache", "OPTIONS": {"MAX_ENTRIES": 20_000}}
}
MFA_ADAPTER = "yiwang.platforms.identity.adapters.MFAAdapter"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = PUBLIC_URL.startswith("http://")
SMS_SIGNATURE = "湛江政务"
MFA_TOTP_ISSUER = "湛江政务服务"
AXES_FAILURE_LIMIT = 5
AXES_COOLOFF_TIME = 0.5
AXES_RESET_ON_SUCCESS = True
AXES_USERNAME_CALLABLE = "yiwang.platforms.identity.adapters.tried_name"
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_LOCKOUT_CALLABLE = "yiwang.shells.errors.locked_out"

LANGUAGE_CODE = "zh-hans"
TIME_ZONE = "Asia/Shanghai"
USE_I18N = True
USE_TZ = True

STATIC_URL = "/static/"
STATIC_ROOT = HOME / "static"
STATICFILES_DIRS = [BASE_DIR / "shells" / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage" if os.environ.get("YIWANG_COLLECTED") else "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
WHITENOISE_USE_FINDERS = not os.environ.get("YIWANG_COLLECTED")
FILES = HOME / "files"  # content-addressed store
EXPORTS = HOME / "exports"  # large exports until they are taken, a week at most
KEYS = HOME / "keys"  # the node's own certificate authority and seals; never in the repository
DATA_UPLOAD_MAX_MEMORY_SIZE = 20 * 1024 * 1024
FILE_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "img-src": [SELF, "data:", "blob:"],
        "style-src": [SELF],
        "style-src-attr": ["'unsafe-inline'"],
        "script-src": [SELF],
        "worker-src": [SELF, "blob:"],
        "connect-src": [SELF, *([STREAM_URL] if STREAM_URL else [])],
        "object-src": [NONE],
        "base-uri": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [SELF],
    }
}
X_FRAME_OPTIONS = "SAMEORIGIN"
CSRF_FAILURE_VIEW = "yiwang.shells.errors.refused"
SESSION_ENGINE = "yiwang.platforms.identity.doors"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = PUBLIC_URL.startswith("https://")
SESSION_COOKIE_AGE = 8 * 3600
SESSION_IDLE_OFFICIAL, SESSION_IDLE_PERSON = 30 * 60, 2 * 3600  # seconds without a request until the session ends
PASSWORD_RESET_TIMEOUT = 3600
SECURE_REFERRER_POLICY = "same-origin"
SILENCED_SYSTEM_CHECKS: list[str] = []
