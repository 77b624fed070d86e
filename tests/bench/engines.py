"""Brokers and a Redis, durable, in folders of their own."""


from machine import free_port, listens, wait_for

# Debian's wrapper insists on the system's user and files.
RABBITMQ = "/usr/lib/rabbitmq/bin/rabbitmq-server"


def redis(cgroup, folder):
    """Starts a Redis that fsyncs before it answers; its URL and process."""
    port = free_port()
    folder.mkdir()
    (folder / "redis.conf").write_text(
        f"""
bind 127.0.0.1
port {port}
dir {folder}
save ""
appendonly yes
appendfsync always
maxmemory-policy noeviction
"""
    )
    process = cgroup.spawn(["redis-server", folder / "redis.conf"], folder / "log")
    wait_for("redis listens", lambda: listens(port))
    return f"redis://127.0.0.1:{port}", process


def nats(cgroup, folder):
    """Starts a nats-server with JetStream on files; its URL and process."""
    port = free_port()
    folder.mkdir()
    (folder / "nats.conf").write_text(f'jetstream {{ store_dir: "{folder}" }}\n')
    process = cgroup.spawn(
        ["nats-server", "-c", folder / "nats.conf", "-a", "127.0.0.1", "-p", str(port)],
        folder / "log",
    )
    wait_for("nats listens", lambda: listens(port))
    return f"nats://127.0.0.1:{port}", process


def rabbitmq(cgroup, folder):
    """Starts a RabbitMQ node with a port mapper of its own; its URL and process."""
    port, mapper, distribution = free_port(), free_port(), free_port()
    folder.mkdir()
    (folder / "rabbitmq.conf").write_text("")
    (folder / "plugins").write_text("[].\n")
    cgroup.spawn(["epmd", "-address", "127.0.0.1", "-port", str(mapper)], folder / "log")
    wait_for("epmd listens", lambda: listens(mapper))
    settings = {
        "NODENAME": f"bench-{port}@localhost",
        "NODE_IP_ADDRESS": "127.0.0.1",
        "NODE_PORT": port,
        "DIST_PORT": distribution,
        "CONFIG_FILE": folder / "rabbitmq.conf",
        "CONF_ENV_FILE": folder / "no-environment",
        "ENABLED_PLUGINS_FILE": folder / "plugins",
        "GENERATED_CONFIG_DIR": folder / "generated",
        "LOG_BASE": folder / "logs",
        "LOGS": "-",
        "MNESIA_BASE": folder / "mnesia",
        "PID_FILE": folder / "pid",
        "PLUGINS_EXPAND_DIR": folder / "expanded",
        "SERVER_ADDITIONAL_ERL_ARGS": "+sbwt none -kernel inet_dist_use_interface {127,0,0,1}",
    }
    environment = {f"RABBITMQ_{name}": str(value) for name, value in settings.items()}
    environment |= {
        "HOME": str(folder), "ERL_EPMD_ADDRESS": "127.0.0.1", "ERL_EPMD_PORT": str(mapper),
    }
    process = cgroup.spawn([RABBITMQ], folder / "log", environment)
    wait_for("rabbitmq listens", lambda: listens(port))
    return f"amqp://127.0.0.1:{port}", process
